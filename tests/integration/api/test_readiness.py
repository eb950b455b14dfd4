"""Readiness: a server is ready while its database and its storage take writes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.api import readiness
from everlake.api.readiness import ReadinessCheck
from everlake.catalog.database import Catalog
from everlake.lake import Lake
from everlake.lake.opening import open_lake
from everlake.storage import DiskReserve
from everlake.storage.local import LocalStore
from tests.support.catalogs import migrated_catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = migrated_catalog(f"sqlite:///{tmp_path}/everlake.db")
    yield opened
    opened.close()


def lake_of(catalog: Catalog, tmp_path: Path) -> Lake:
    return open_lake(tmp_path.as_uri(), catalog)


@pytest.fixture
def check(catalog: Catalog, tmp_path: Path) -> ReadinessCheck:
    return ReadinessCheck(
        catalog, LocalStore(tmp_path), lake_of(catalog, tmp_path), DiskReserve([], 0)
    )


def test_a_database_that_takes_no_write_is_not_ready(
    catalog: Catalog, check: ReadinessCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "CACHE_SECONDS", 0.0)
    assert check.failures() == {}

    with catalog.transaction() as tx:
        tx.exec_driver_sql("PRAGMA query_only=ON")
    failures = check.failures()
    assert set(failures) == {"database"}
    assert "cannot be written" in failures["database"]


@pytest.mark.parametrize(("free_blocks", "ready"), [(100, True), (10, True), (9, False)])
def test_a_disk_without_room_for_records_is_not_ready(
    catalog: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free_blocks: int,
    ready: bool,
) -> None:
    status = os.statvfs_result((1, 1, 2_000, 2_000, free_blocks, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: status)
    disk = DiskReserve([tmp_path], 1_000_000)  # a twentieth: 100 bytes

    failures = ReadinessCheck(
        catalog, LocalStore(tmp_path), lake_of(catalog, tmp_path), disk
    ).failures()
    assert set(failures) == (set() if ready else {"storage"})
    assert ready or "nearly full" in failures["storage"]


def test_many_requests_share_one_write(
    catalog: Catalog, check: ReadinessCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "CACHE_SECONDS", 3_600.0)
    assert check.failures() == {}

    before = catalog.change_counter()
    for _ in range(50):
        assert check.failures() == {}
    assert catalog.change_counter() == before
