"""The check that the database takes writes."""

from pathlib import Path

import pytest

from everlake.catalog import leases
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogTooOld, CatalogUnavailable
from everlake.catalog.opening import open_catalog

REFUSE_WRITES = {
    # The writing connection is always the same one.
    "sqlite": ("PRAGMA query_only=ON",),
    "postgresql": (
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'; END$$""",
        "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON leases EXECUTE FUNCTION refuse()",
    ),
}


def refuse_writes(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for statement in REFUSE_WRITES[tx.dialect.name]:
            tx.exec_driver_sql(statement)


def test_a_database_in_use_can_be_written(catalog: Catalog, other: Catalog) -> None:
    for each in (catalog, other, catalog):
        each.check_writable()


def test_a_database_that_takes_no_write_fails_the_check(catalog: Catalog) -> None:
    catalog.check_writable()
    refuse_writes(catalog)

    with pytest.raises(CatalogUnavailable, match=r"cannot be written|is full"):
        catalog.check_writable()
    catalog.check()


def test_the_check_writes_each_time(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter((1_000, 2_000))
    monkeypatch.setattr(catalog, "now_ms", lambda: next(times))
    for expected in (1_000, 2_000):
        catalog.check_writable()
        with catalog.snapshot() as tx:
            assert leases.any_held(tx, "check/", now=expected - 1)
            assert not leases.any_held(tx, "check/", now=expected)


def test_the_schema_is_checked_as_well(tmp_path: Path) -> None:
    empty = open_catalog(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(CatalogTooOld):
        empty.check_writable()
    empty.close()
