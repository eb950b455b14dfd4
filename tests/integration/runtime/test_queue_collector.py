"""The queue on the page, where the catalog does not answer at once."""

from pathlib import Path

from sqlalchemy import text

from everlake.catalog import leases
from everlake.catalog.opening import open_catalog
from everlake.metrics import Metrics
from everlake.runtime.metrics_exposition import MetricsExposition
from everlake.runtime.queue_collector import QueueCollector
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until


def test_a_catalog_that_hangs_is_down_and_the_page_goes_on(postgres_server: PostgresServer) -> None:
    catalog = open_catalog(postgres_server.new_database())
    catalog.upgrade()
    backlog = QueueCollector(catalog)

    def up() -> float:
        return next(
            family.samples[0].value
            for family in backlog.collect()
            if family.name == "everlake_catalog_up"
        )

    with catalog.transaction() as tx:
        tx.execute(text("LOCK TABLE batches IN ACCESS EXCLUSIVE MODE"))
        assert up() == 0.0
        assert [family.samples for family in backlog.collect()][:2] == [[], []]
    wait_until(lambda: up() == 1.0, "it answers again")
    catalog.close()


def test_without_a_catalog_the_page_has_the_counts(tmp_path: Path) -> None:
    catalog = open_catalog(f"sqlite:///{tmp_path}/catalog.db")
    meters = Metrics()
    meters.record_batch_accepted(
        body_bytes=1, accepted=7, attachments=0, rejected=0, rejected_by_code={}
    )

    lines = (
        MetricsExposition(meters, None, catalog, tmp_path / "rebuild.lock")
        .render()
        .decode()
        .splitlines()
    )

    catalog.close()
    assert "everlake_catalog_up 0.0" in lines
    assert "everlake_records_accepted_total 7.0" in lines
    assert not [line for line in lines if line.startswith("everlake_batches{")]


def test_a_rebuild_of_tables_in_a_bucket_is_told_wherever_it_runs(tmp_path: Path) -> None:
    catalog = open_catalog(f"sqlite:///{tmp_path}/catalog.db")
    catalog.upgrade()
    with catalog.transaction() as tx:
        leases.acquire(tx, "rebuild/ws", owner="m", now=catalog.now_ms(), ttl_ms=60_000)

    lines = (
        MetricsExposition(Metrics(), None, catalog, tmp_path / "rebuild.lock")
        .render()
        .decode()
        .splitlines()
    )

    catalog.close()
    assert "everlake_lake_rebuild_running 1.0" in lines
