"""Schema version of the catalog: upgrade and check."""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, Table, Text, func, inspect, select

from everlake.catalog.errors import CatalogTooNew, CatalogTooOld

REVISION = "0008"
"""Newest migration. Revisions are numbered in one sequence, so a higher one is newer."""

_ADVISORY_LOCK_ID = 0x45766572
"""Id of PostgreSQL's advisory lock for upgrades."""

_MIGRATIONS = Path(__file__).parent / "migrations"

_version_table = Table("alembic_version", MetaData(), Column("version_num", Text))


def upgrade(tx: Connection) -> None:
    """Run the missing migrations, all in the transaction of ``tx``.

    Raises:
        CatalogTooNew: a newer program has upgraded the database.
    """
    if tx.dialect.name == "postgresql":
        # Held until the end of the transaction. SQLite has one writer at a time anyway.
        tx.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK_ID)))
    if _current_revision(tx) != REVISION:
        _migrate(tx)


def is_empty(tx: Connection) -> bool:
    """Return whether the database has no tables of Everlake yet.

    Raises:
        CatalogTooNew: a newer program has upgraded the database.
    """
    return _current_revision(tx) is None


def check(tx: Connection) -> None:
    """Check that the schema is the one that this program needs.

    Raises:
        CatalogTooOld: migrations are missing.
        CatalogTooNew: a newer program has upgraded the database.
    """
    current = _current_revision(tx)
    if current is None:
        raise CatalogTooOld(
            "The database has no Everlake tables yet. Run `everlake db upgrade` to create them."
        )
    if current != REVISION:
        raise CatalogTooOld(
            f"The database has schema {current}, and this Everlake needs {REVISION}. "
            "Run `everlake db upgrade`; no data is lost."
        )


def _current_revision(tx: Connection) -> str | None:
    """Return the revision of the database; None when it has no tables of Everlake."""
    if not inspect(tx).has_table(_version_table.name):
        return None
    current = tx.execute(select(_version_table.c.version_num)).scalar()
    if current is not None and current > REVISION:
        raise CatalogTooNew(
            f"The database has schema {current}, and this Everlake supports {REVISION} at most: "
            "a newer version has upgraded it. Install that version or a later one; nothing was "
            "changed."
        )
    return current


def _migrate(tx: Connection) -> None:
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("SET LOCAL statement_timeout = 0")  # migrating a large table takes long
    # Importing Alembic takes as long as the rest of the catalog, and most starts do not need it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    # Config interpolates, and a path may contain a percent sign.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = tx
    command.upgrade(config, "head")
