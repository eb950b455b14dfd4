"""Brings the schema up to date, and tells a schema this program cannot work with."""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, Table, Text, func, inspect, select

from everlake.catalog.errors import CatalogTooNew, CatalogTooOld

REVISION = "0006"
"""The newest migration. Revisions are numbered in one line, so a higher one is a newer one."""

_ADVISORY_LOCK_ID = 0x45766572
"""Names the lock of whoever upgrades, among the database's advisory locks."""

_MIGRATIONS = Path(__file__).parent / "migrations"

_version_table = Table("alembic_version", MetaData(), Column("version_num", Text))


def upgrade(tx: Connection) -> None:
    """Run the migrations that are missing, all in the transaction of ``tx``.

    Raises:
        CatalogTooNew: a newer program has been here.
    """
    if tx.dialect.name == "postgresql":
        # Held to the end of the transaction; a SQLite writer is alone anyhow.
        tx.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK_ID)))
    if _current_revision(tx) != REVISION:
        _migrate(tx)


def is_empty(tx: Connection) -> bool:
    """Whether the database has no tables of ours yet.

    Raises:
        CatalogTooNew: a newer program has been here.
    """
    return _current_revision(tx) is None


def check(tx: Connection) -> None:
    """Return when the schema is the one this program was written for.

    Raises:
        CatalogTooOld: migrations are missing.
        CatalogTooNew: a newer program has been here.
    """
    current = _current_revision(tx)
    if current is None:
        raise CatalogTooOld(
            "The database has no Everlake tables yet. Run `everlake db upgrade` to create them."
        )
    if current != REVISION:
        raise CatalogTooOld(
            f"The database has schema {current}, and this Everlake needs {REVISION}. "
            "Run `everlake db upgrade`; what is stored stays."
        )


def _current_revision(tx: Connection) -> str | None:
    """The revision of the database; None where it has no tables of ours."""
    if not inspect(tx).has_table(_version_table.name):
        return None
    current = tx.execute(select(_version_table.c.version_num)).scalar()
    if current is not None and current > REVISION:
        raise CatalogTooNew(
            f"The database has schema {current}, and this Everlake knows none after {REVISION}: "
            "a newer one has used it. Install that version or a later one; nothing was changed."
        )
    return current


def _migrate(tx: Connection) -> None:
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("SET LOCAL statement_timeout = 0")  # a large table takes its time
    # Alembic takes as long to import as the rest of the catalog, and most starts need none of it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    # Config interpolates, and a path may hold a percent sign.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = tx
    command.upgrade(config, "head")
