"""What counts against a workspace's quotas."""

import threading
from typing import Any

import pytest

from everlake.catalog import quotas
from everlake.catalog.errors import QuotaExceeded
from everlake.catalog.quotas import Usage, WorkspaceQuotas
from everlake.clock import now_ms
from everlake.contract.ids import new_batch_id
from tests.integration.catalog.attachment_rows import (
    claim,
    completed_download,
    insert_batch,
    record_outcomes,
)
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture

_DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def measured_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "CACHE_SECONDS", 0.0)
    monkeypatch.setattr(quotas, "_COST_FACTOR", 0)


def measured(home: CatalogFixture, earlier: Usage | None = None, **changes: Any) -> Usage:
    options: dict[str, Any] = {"now": now_ms(), "with_bytes": True, "with_day": True, **changes}
    with home.catalog.snapshot() as tx:
        return quotas.measure(tx, home.workspace_id, earlier or Usage(), **options)


def test_accepted_bytes_of_a_workspace_are_added_up(home: CatalogFixture) -> None:
    assert measured(home) == Usage()
    home.insert(3, landing_bytes=100)
    catalog_fixture(home.catalog).insert(5)
    first = measured(home)
    assert (first.record_bytes, first.sequence) == (300, 3)
    home.insert(2, landing_bytes=10)
    assert measured(home, first).record_bytes == 320
    assert measured(home, first) == measured(home)


def test_content_counts_once_however_many_attachments_have_it(home: CatalogFixture) -> None:
    insert_batch(home, 3)
    assert measured(home).content_bytes == 0
    first, second, third = claim(home)
    outcomes = [
        completed_download(first, size=12, sha256="ab" * 32),
        completed_download(second, size=12, sha256="ab" * 32),
        completed_download(third, size=30, sha256="cd" * 32),
    ]
    record_outcomes(home, *outcomes)
    assert measured(home).content_bytes == 42


def test_records_of_today_count_also_rejected_ones(home: CatalogFixture) -> None:
    midnight = now_ms() // _DAY_MS * _DAY_MS
    home.insert(id=new_batch_id(midnight - 1), accepted=1_000)
    home.insert(id=new_batch_id(midnight), accepted=3, rejected=4)
    assert measured(home, now=midnight + 1).records == 7
    assert measured(home, now=midnight + _DAY_MS).records == 0


def test_a_workspace_at_its_bytes_is_refused_and_others_are_not(home: CatalogFixture) -> None:
    other = catalog_fixture(home.catalog)
    checked = WorkspaceQuotas(home.catalog, total_bytes=1_000, records_per_day=0)
    home.insert(landing_bytes=999)
    checked.require_records(home.workspace_id)
    checked.require_bytes(home.workspace_id, 1)
    with pytest.raises(QuotaExceeded, match="EVERLAKE_QUOTA_BYTES"):
        checked.require_bytes(home.workspace_id, 2)

    home.insert(landing_bytes=1)
    with pytest.raises(QuotaExceeded, match=r"1,000 bytes .* 1,000\."):
        checked.require_records(home.workspace_id)
    checked.require_records(other.workspace_id)


def test_a_workspace_at_its_records_waits_for_midnight(home: CatalogFixture) -> None:
    checked = WorkspaceQuotas(home.catalog, total_bytes=0, records_per_day=20)
    home.insert(accepted=19)
    checked.require_records(home.workspace_id)
    home.insert(accepted=1)
    with pytest.raises(QuotaExceeded, match="EVERLAKE_QUOTA_RECORDS_PER_DAY") as raised:
        checked.require_records(home.workspace_id)
    assert 1 <= raised.value.retry_after <= 3_600
    checked.require_bytes(home.workspace_id, 1 << 60)


def test_a_usage_is_measured_once_in_a_while(
    home: CatalogFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "CACHE_SECONDS", 3_600.0)
    checked = WorkspaceQuotas(home.catalog, total_bytes=1_000, records_per_day=0)
    checked.require_records(home.workspace_id)
    home.insert(landing_bytes=5_000)
    checked.require_records(home.workspace_id)


def test_nobody_waits_for_a_measurement_of_a_usage_that_is_known(
    home: CatalogFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = WorkspaceQuotas(home.catalog, total_bytes=1_000, records_per_day=0)
    checked.require_records(home.workspace_id)
    measuring, go_on = threading.Event(), threading.Event()

    def measure(*_: Any, **__: Any) -> Usage:
        measuring.set()
        assert go_on.wait(60)
        return Usage(record_bytes=1_000)

    monkeypatch.setattr(quotas, "measure", measure)
    thread = threading.Thread(target=lambda: checked.require_bytes(home.workspace_id, 0))
    thread.start()
    assert measuring.wait(60)
    checked.require_records(home.workspace_id)
    go_on.set()
    thread.join(60)
    with pytest.raises(QuotaExceeded):
        checked.require_records(home.workspace_id)


def test_without_quotas_nothing_is_asked_of_the_catalog(
    home: CatalogFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(home.catalog.__class__, "snapshot")
    checked = WorkspaceQuotas(home.catalog, total_bytes=0, records_per_day=0)
    assert not checked.enabled
    checked.require_records(home.workspace_id)
    checked.require_bytes(home.workspace_id, 1 << 60)
