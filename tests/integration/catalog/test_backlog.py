from typing import Any

from sqlalchemy import event

from everlake.catalog import backlog, batch_queue
from everlake.catalog.backlog import BatchBacklog
from everlake.catalog.opening import open_catalog
from everlake.clock import now_ms
from everlake.contract.batches import BatchStatus
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture
from tests.support.postgres import PostgresServer


def waiting(home: CatalogFixture, now: int) -> dict[BatchStatus, BatchBacklog]:
    with home.catalog.autocommit() as tx:
        return {each.status: each for each in backlog.batch_backlog(tx, now=now)}


def test_an_empty_catalog_has_nothing_that_waits(home: CatalogFixture) -> None:
    found = waiting(home, now_ms())

    assert set(found) == set(BatchStatus) - {BatchStatus.COMPLETE}
    assert {each.batches for each in found.values()} == {0}
    assert found[BatchStatus.LANDING].overdue_ms == 0
    assert found[BatchStatus.FAILED].overdue_ms is None


def test_batches_are_counted_by_their_status_and_the_first_due_is_told(
    home: CatalogFixture,
) -> None:
    home.insert(3, created_at=5_000)
    home.insert(1, created_at=4_000)
    home.insert(2, status=BatchStatus.LANDED, created_at=9_000)
    home.insert(1, status=BatchStatus.FAILED)
    home.insert(5, status=BatchStatus.COMPLETE)

    found = waiting(home, 7_000)

    assert found[BatchStatus.LANDING] == BatchBacklog(BatchStatus.LANDING, 4, 3_000)
    assert found[BatchStatus.LANDED] == BatchBacklog(BatchStatus.LANDED, 2, 0)
    assert found[BatchStatus.PROCESSING] == BatchBacklog(BatchStatus.PROCESSING, 0, 0)
    assert found[BatchStatus.FAILED] == BatchBacklog(BatchStatus.FAILED, 1, None)


def test_a_batch_that_is_worked_on_is_not_overdue(home: CatalogFixture) -> None:
    home.insert(1, created_at=4_000)
    with home.catalog.transaction() as tx:
        batch_queue.claim(
            tx,
            status=BatchStatus.LANDING,
            owner="w",
            now=6_000,
            lease_ms=10_000,
            max_batches=1,
            max_records=1_000,
            max_bytes=1 << 30,
        )

    assert waiting(home, 7_000)[BatchStatus.LANDING] == BatchBacklog(BatchStatus.LANDING, 1, 0)


def test_postgresql_reads_no_batch_that_is_complete(postgres_server: PostgresServer) -> None:
    catalog = open_catalog(postgres_server.new_database())
    catalog.upgrade()
    home = catalog_fixture(catalog)
    home.insert(20_000, status=BatchStatus.COMPLETE)
    statements: list[tuple[str, Any]] = []

    def note(_tx: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        statements.append((sql, parameters))

    with catalog.transaction() as tx:
        tx.exec_driver_sql("ANALYZE batches")
        # The worst that a prepared statement can come to: a plan for any status at all.
        tx.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        event.listen(tx, "before_cursor_execute", note)
        backlog.batch_backlog(tx, now=1)
        event.remove(tx, "before_cursor_execute", note)
        [(sql, parameters)] = statements
        lines = [row[0] for row in tx.exec_driver_sql("EXPLAIN " + sql, parameters)]
    catalog.close()
    reads = [line for line in lines if "Scan" in line and "on batches" in line]
    assert len(reads) == 7
    assert [line for line in reads if "using ix_batches_due" not in line] == []
