"""Opening of the catalog that the settings name."""

from collections.abc import Generator
from contextlib import contextmanager

from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from everlake.landing import paths
from everlake.operations.errors import CatalogLost, NotInitialized
from everlake.operations.first_workspace import has_no_workspace
from everlake.settings import Settings
from everlake.storage import open_store

_DATA_FOLDERS = (paths.ROOT, "lake")
"""Folders of the storage that have objects as soon as the first batch has landed.

The second is :data:`everlake.tables.spec.LAKE_FOLDER`, whose import takes 0.2 s.
"""


@contextmanager
def prepared_catalog(settings: Settings) -> Generator[Catalog]:
    """Open the catalog for the length of a block, and prepare its schema.

    A SQLite database is created, or upgraded to this version. A PostgreSQL database is created
    as well but never upgraded, because other machines may be working on it.

    Raises:
        CatalogLost: the catalog has no workspace, and the storage has data.
        CatalogTooOld: the PostgreSQL database needs ``everlake db upgrade``.
        CatalogTooNew: a newer version of Everlake has upgraded the database.
        CatalogUnavailable: the database cannot be opened now.
        StorageError: the catalog has no workspace, and the storage cannot be listed.
    """
    with _opened_catalog(settings) as catalog:
        if catalog.is_shared and not catalog.is_empty():
            catalog.check()
        else:
            catalog.upgrade()
        if has_no_workspace(catalog):
            require_empty_storage(settings)
        yield catalog


@contextmanager
def existing_catalog(settings: Settings) -> Generator[Catalog]:
    """Open a catalog that has been created before, as :func:`prepared_catalog` does.

    Raises:
        NotInitialized: there is none in the data directory.
        CatalogLost: likewise, and the storage has data.
    """
    if not has_catalog(settings):
        require_empty_storage(settings)
        raise NotInitialized(
            f"{settings.data_directory} holds no catalog yet: run everlake init or everlake serve"
        )
    with prepared_catalog(settings) as catalog:
        yield catalog


def upgrade_catalog(settings: Settings) -> None:
    """Create the catalog's schema, or upgrade it to this version.

    Several machines may call this at once: one upgrades, the others wait.

    Raises:
        CatalogLost: the database has no tables yet, and the storage has data.
        CatalogTooNew: a newer version of Everlake has upgraded the database.
        CatalogUnavailable: the database cannot be opened now.
        StorageError: the database has no tables yet, and the storage cannot be listed.
    """
    with _opened_catalog(settings) as catalog:
        catalog.upgrade()


@contextmanager
def _opened_catalog(settings: Settings) -> Generator[Catalog]:
    """Open the catalog; one without tables only where the storage has no data."""
    if not has_catalog(settings):
        # Before SQLite creates a file, which would look like a catalog.
        require_empty_storage(settings)
    catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
    try:
        if catalog.is_empty():
            require_empty_storage(settings)
        yield catalog
    finally:
        catalog.close()


def require_empty_storage(settings: Settings) -> None:
    """Check that the storage has no data, as for an installation without a catalog.

    It lists one object of each folder.

    Raises:
        CatalogLost: it has some.
        StorageError: it cannot be listed.
    """
    store = open_store(settings.archive_url)
    if any(next(store.list(folder), None) is not None for folder in _DATA_FOLDERS):
        raise CatalogLost(settings.archive_url)


def has_catalog(settings: Settings) -> bool:
    """Return whether a catalog is set up: a database URL, or the file of the data directory."""
    return bool(settings.database.url) or (settings.data_directory / "everlake.db").exists()
