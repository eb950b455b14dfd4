"""Opens the catalog database that a URL names."""

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.extras import how_to_install
from everlake.settings.defaults import DATABASE_TIMEOUT_SECONDS

_URL_HELP = (
    "Write sqlite:/// and the path of a file, or postgresql://user:password@host/database for "
    "many machines."
)


def open_catalog(
    url: str, *, timeout: float = DATABASE_TIMEOUT_SECONDS, connections: int = 10
) -> Catalog:
    """Open the database at ``url``. A missing SQLite file is created, with its directory.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://...``.
        timeout: seconds to wait for a lock, a connection or a statement.
        connections: most open connections to PostgreSQL, besides the one that listens for
            notifications.

    Raises:
        CatalogError: the URL names no supported database.
        CatalogUnavailable: the database cannot be opened now.
    """
    try:
        backend = make_url(url).get_backend_name()
    except ArgumentError as error:
        raise CatalogError(f"The database URL cannot be read. {_URL_HELP}") from error
    # Only the driver in use is loaded; that of PostgreSQL is an optional dependency.
    if backend == "sqlite":
        from everlake.catalog.sqlite import SqliteCatalog  # noqa: PLC0415

        return SqliteCatalog(url, timeout)
    if backend == "postgresql":
        try:
            from everlake.catalog.postgresql import PostgresqlCatalog  # noqa: PLC0415
        except ModuleNotFoundError as error:
            if error.name != "psycopg":
                raise
            raise CatalogError(
                "PostgreSQL needs the extra postgresql, which is not installed: "
                + how_to_install("postgresql")
            ) from error
        return PostgresqlCatalog(url, timeout, connections)
    raise CatalogError(f"Everlake keeps its catalog in SQLite or PostgreSQL. {_URL_HELP}")
