"""Readiness: a server is ready while its database and its storage take writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.api import readiness
from everlake.api.readiness import ReadinessCheck
from everlake.catalog.database import Catalog
from everlake.storage.local import LocalStore
from tests.support.catalogs import migrated_catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = migrated_catalog(f"sqlite:///{tmp_path}/everlake.db")
    yield opened
    opened.close()


@pytest.fixture
def check(catalog: Catalog, tmp_path: Path) -> ReadinessCheck:
    return ReadinessCheck(catalog, LocalStore(tmp_path))


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


def test_many_requests_share_one_write(
    catalog: Catalog, check: ReadinessCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "CACHE_SECONDS", 3_600.0)
    assert check.failures() == {}

    before = catalog.change_counter()
    for _ in range(50):
        assert check.failures() == {}
    assert catalog.change_counter() == before
