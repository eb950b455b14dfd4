"""Opening of the catalog that the settings name."""

from collections.abc import Generator
from contextlib import contextmanager

from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from everlake.operations.errors import NotInitialized
from everlake.settings import Settings


@contextmanager
def prepared_catalog(settings: Settings) -> Generator[Catalog]:
    """Open the catalog for the length of a block, and prepare its schema.

    A SQLite database is created, or upgraded to this version. A PostgreSQL database is created
    as well but never upgraded, because other machines may be working on it.

    Raises:
        CatalogTooOld: the PostgreSQL database needs ``everlake db upgrade``.
        CatalogTooNew: a newer version of Everlake has upgraded the database.
        CatalogUnavailable: the database cannot be opened now.
    """
    catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
    try:
        if catalog.is_shared and not catalog.is_empty():
            catalog.check()
        else:
            catalog.upgrade()
        yield catalog
    finally:
        catalog.close()


@contextmanager
def existing_catalog(settings: Settings) -> Generator[Catalog]:
    """Open a catalog that has been created before, as :func:`prepared_catalog` does.

    Raises:
        NotInitialized: there is none in the data directory.
    """
    if not has_catalog(settings):
        raise NotInitialized(
            f"{settings.data_directory} holds no catalog yet: run everlake init or everlake serve"
        )
    with prepared_catalog(settings) as catalog:
        yield catalog


def upgrade_catalog(settings: Settings) -> None:
    """Create the catalog's schema, or upgrade it to this version.

    Several machines may call this at once: one upgrades, the others wait.

    Raises:
        CatalogTooNew: a newer version of Everlake has upgraded the database.
        CatalogUnavailable: the database cannot be opened now.
    """
    catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
    try:
        catalog.upgrade()
    finally:
        catalog.close()


def has_catalog(settings: Settings) -> bool:
    """Return whether a catalog is set up: a database URL, or the file of the data directory."""
    return bool(settings.database.url) or (settings.data_directory / "everlake.db").exists()
