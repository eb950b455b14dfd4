"""Query plans: statements of queues and lists read a range of an index, and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from everlake.catalog import (
    api_keys,
    attachments,
    backlog,
    batch_queue,
    batch_scan,
    batches,
    download_queue,
    idempotency,
    jobs,
    projects,
    quotas,
    texts,
    uploads,
)
from everlake.catalog.download_queue import ClaimTurns
from everlake.catalog.jobs import FailedAttempt, JobKind
from everlake.catalog.quotas import Usage
from everlake.catalog.uploads import NewUpload, UploadQuota
from everlake.clock import now_ms
from everlake.contract.batches import BatchStatus
from tests.integration.catalog.attachment_rows import (
    NOW,
    claim,
    complete_batches,
    completed_download,
    insert_batch,
    record_outcomes,
)
from tests.support.catalog_fixture import CatalogFixture


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Check a plan. SQLite's planner has no statistics, so the statement must lead it."""
    return f"sqlite:///{tmp_path}/catalog.db"


@contextmanager
def plans(tx: Connection) -> Iterator[list[str]]:
    """Collect the query plans of the SELECT and UPDATE statements in a block."""
    statements: list[tuple[str, Any]] = []

    def note(_tx: Connection, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        statements.append((sql, parameters))

    event.listen(tx, "before_cursor_execute", note)
    found: list[str] = []
    yield found
    event.remove(tx, "before_cursor_execute", note)
    for sql, parameters in statements:
        one = parameters[0] if parameters and isinstance(parameters, list) else parameters
        rows = tx.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, one)
        found.extend(row[3] for row in rows)


def assert_reads_only_index_ranges(found: list[str]) -> None:
    reads = [line for line in found if "SUBQUERY" not in line.split("(")[0]]
    assert reads
    for line in reads:
        assert line.startswith("SEARCH"), line
        assert "USING INDEX" in line or "USING COVERING INDEX" in line, line


FILTERS: list[dict[str, Any]] = [
    {},
    {"status": BatchStatus.LANDING},
    {"type": "email"},
    {"source": "api"},
    {"status": BatchStatus.LANDING, "type": "email", "source": "api"},
]


@pytest.mark.parametrize("analysed", [False, True], ids=["without statistics", "with statistics"])
@pytest.mark.parametrize("before", [False, True], ids=["first page", "next page"])
@pytest.mark.parametrize("filters", FILTERS, ids=lambda f: "+".join(f) or "no filter")
def test_a_page_of_batches_is_a_range_of_an_index(
    home: CatalogFixture, filters: dict[str, Any], *, before: bool, analysed: bool
) -> None:
    ids = home.insert(200)
    with home.catalog.transaction() as tx:
        if analysed:
            tx.exec_driver_sql("ANALYZE")
        with plans(tx) as found:
            batches.page(
                tx, home.workspace_id, limit=5, before=ids[-1] if before else None, **filters
            )
    assert_reads_only_index_ranges(found)


@pytest.mark.parametrize("analysed", [False, True], ids=["without statistics", "with statistics"])
@pytest.mark.parametrize("status", [BatchStatus.LANDING, BatchStatus.LANDED])
def test_a_claim_is_a_range_of_an_index(
    home: CatalogFixture, status: BatchStatus, *, analysed: bool
) -> None:
    home.insert(200)
    with home.catalog.transaction() as tx:
        if analysed:
            tx.exec_driver_sql("ANALYZE")
        with plans(tx) as found:
            batch_queue.claim(
                tx,
                status=status,
                owner="w",
                now=now_ms() + 1_000,
                lease_ms=10,
                max_batches=5,
                max_records=1_000,
                max_bytes=1 << 30,
            )
    assert_reads_only_index_ranges(found)


@pytest.mark.parametrize("analysed", [False, True], ids=["without statistics", "with statistics"])
def test_leased_batches_are_changed_by_their_ids(home: CatalogFixture, *, analysed: bool) -> None:
    ids = home.insert(200)
    some, owner = ids[:5], "w"
    with home.catalog.transaction() as tx:
        if analysed:
            tx.exec_driver_sql("ANALYZE")
        with plans(tx) as found:
            batch_queue.renew(tx, owner, some, 1)
            batch_queue.release(tx, some, owner=owner, now=1)
            batch_queue.schedule_retry(tx, some, owner=owner, now=1, delay_ms=1, reason="r")
            batch_queue.fail(tx, some, owner=owner, now=1, reason="r")
            for to in (BatchStatus.LANDED, BatchStatus.PROCESSING, BatchStatus.COMPLETE):
                batch_queue.advance(tx, some, owner=owner, to=to, now=1)
            batch_queue.retry_failed(tx, home.workspace_id, ids[0], now=1)
    assert_reads_only_index_ranges(found)
    assert [line.endswith("(id=?)") for line in found] == [True] * 8


LOOKUPS: list[Callable[[Connection, str], object]] = [
    lambda tx, ws: batches.get(tx, ws, "b"),
    lambda tx, _: batches.get_many(tx, ["a", "b"]),
    lambda tx, ws: batch_scan.page(tx, ws, after=1),
    lambda tx, ws: batch_scan.page(tx, ws, after=1, until=9),
    lambda tx, ws: batch_scan._get_many(tx, ws, [1, 2, 3]),
    lambda tx, ws: batch_scan.find_claimed_ids(tx, ws, BatchStatus.LANDING),
    lambda tx, _: batches.find_existing_ids(tx, ["a", "b"]),
    lambda tx, ws: api_keys.page(tx, ws, limit=5, after="k"),
    lambda tx, _: api_keys.find_live(tx, "em_sk_x"),
    lambda tx, _: api_keys.find_live_ids(tx, ["a", "b"]),
    lambda tx, ws: projects.find_ids(tx, ws, "p"),
    lambda tx, ws: projects.page(tx, ws, limit=5, product_id="p", after="q"),
    lambda tx, ws: projects.page(tx, ws, limit=5, after="q"),
    lambda tx, ws: idempotency.find(tx, ws, "k"),
    lambda tx, _: idempotency.delete_before(tx, created_before=1, limit=5),
]


@pytest.mark.parametrize("look_up", LOOKUPS)
def test_a_look_up_is_a_range_of_an_index(
    home: CatalogFixture, look_up: Callable[[Connection, str], object]
) -> None:
    with home.catalog.snapshot() as tx, plans(tx) as found:
        look_up(tx, home.workspace_id)
    assert_reads_only_index_ranges(found)


@pytest.mark.parametrize("analysed", [False, True], ids=["without statistics", "with statistics"])
def test_the_queue_is_counted_in_ranges_of_its_index(
    home: CatalogFixture, *, analysed: bool
) -> None:
    home.insert(200, status=BatchStatus.COMPLETE)
    with home.catalog.transaction() as tx:
        if analysed:
            tx.exec_driver_sql("ANALYZE")
        with plans(tx) as found:
            backlog.batch_backlog(tx, now=1)
    reads = [line for line in found if "batches" in line]
    assert len(reads) == 7
    assert set(reads) == {"SEARCH batches USING COVERING INDEX ix_batches_due (status=?)"}


def test_the_queues_of_attachments_read_ranges_of_indices(home: CatalogFixture) -> None:
    batch_id = insert_batch(home, 5)
    rows = claim(home, limit=2)
    record_outcomes(home, completed_download(rows[0]))
    now = NOW + 1
    with home.catalog.transaction() as tx, plans(tx) as found:
        assert download_queue.is_due(tx, now=now)
        again = download_queue.claim(
            tx,
            owner="a",
            now=now,
            lease_ms=1,
            limit=9,
            host_limit=9,
            turns=ClaimTurns(workspace="a", hosts={home.workspace_id: "a"}),
            skip_hosts={("x", "x")},
        )
        assert again
        download_queue.renew(tx, "a", [rows[1].id], now)
        download_queue.record_outcomes(
            tx, owner="a", now=now, completed=[completed_download(rows[1])]
        )
        download_queue.release(tx, [again[0].id], owner="a", due_at=now)
        download_queue.expire_leases(tx, "a", now=now)
        attachments.get(tx, home.workspace_id, rows[0].id)
        attachments.get_many(tx, [rows[0].id])
        attachments.page(tx, batch_id, limit=5, after=(0, 0))
        attachments.retry_failed(tx, home.workspace_id, batch_id, now=now)
    assert_reads_no_whole_table(found)
    # Only the question whether anything is due reads across workspaces.
    assert len([line for line in found if "ix_attachments_due" in line]) == 1


@pytest.mark.parametrize("analysed", [False, True], ids=["without statistics", "with statistics"])
def test_jobs_and_texts_read_ranges_of_indices(home: CatalogFixture, *, analysed: bool) -> None:
    home.insert(200)
    batch_id = insert_batch(home, 50)
    record_outcomes(home, *map(completed_download, claim(home)))
    complete_batches(home, batch_id)
    now = NOW + 1
    with home.catalog.transaction() as tx:
        if analysed:
            tx.exec_driver_sql("ANALYZE")
        with plans(tx) as found:
            assert jobs.is_due(tx, JobKind.EXTRACT_TEXT, now=now)
            assert jobs.due_workspaces(tx, JobKind.EXTRACT_TEXT, now=now) == [home.workspace_id]
            held = jobs.claim(
                tx,
                JobKind.EXTRACT_TEXT,
                owner="a",
                now=now,
                lease_ms=1,
                limit=9,
                workspace_id=home.workspace_id,
            )
            assert jobs.renew(tx, held, owner="a", until=now) == 9
            assert len(jobs.release(tx, held[:1], owner="a", due_at=now)) == 1
            failures = [
                FailedAttempt(job=job, code="c", message="m", due_at=due_at)
                for job, due_at in zip(held[1:3], (now, None), strict=True)
            ]
            assert jobs.record_failures(tx, failures, owner="a") == failures
            texts.note_failures(tx, failures)
            texts.mark_recordings(tx, jobs.complete(tx, held[3:5], owner="a"), now=now)
            texts.mark_extracted(tx, jobs.complete(tx, held[5:], owner="a"), now=now)
            held = jobs.claim(
                tx,
                JobKind.INDEX_TEXT,
                owner="a",
                now=now,
                lease_ms=1,
                limit=9,
                workspace_id=home.workspace_id,
            )
            assert len(held) == 4
            texts.mark_indexed(tx, jobs.complete(tx, held[:2], owner="a"), now=now)
            texts.extract_again(tx, jobs.complete(tx, held[2:], owner="a"), now=now)
            assert texts.retry_failed(tx, home.workspace_id, batch_id, now=now) == 1
            jobs.expire_leases(tx, "a", now=now)
            texts.find_without_job(tx, limit=9, now=now)
    assert_reads_no_whole_table(found)


def test_waiting_attachments_are_counted_in_ranges_of_indices(home: CatalogFixture) -> None:
    with home.catalog.snapshot() as tx, plans(tx) as found:
        backlog.attachment_backlog(tx)
    reads = [line for line in found if "attachments" in line or "jobs" in line]
    assert [line.split(" (")[0] for line in reads] == [
        "SEARCH attachments USING INDEX ix_attachments_due",
        "SEARCH jobs USING INDEX ix_jobs_turns",
    ]


def assert_reads_no_whole_table(found: list[str]) -> None:
    assert found
    # Values are listed by one step into the index for each of them.
    made = ("found", "CONSTANT ROW")
    scans = [line for line in found if line.startswith("SCAN")]
    assert [line for line in scans if not line.endswith(made)] == []
    assert [line for line in found if "TEMP B-TREE" in line and "DISTINCT" not in line] == []


def test_announcing_an_upload_reads_index_ranges(home: CatalogFixture) -> None:
    upload = NewUpload(
        id="upl_1",
        workspace_id=home.workspace_id,
        key_id=home.key_id,
        created_at=NOW,
        expires_at=NOW,
        size=1,
        part_size=1,
    )
    with home.catalog.transaction() as tx, plans(tx) as found:
        uploads.insert(tx, upload, UploadQuota(size=1, count=1))
    assert any("ix_uploads_unused" in line for line in found)
    assert_reads_only_index_ranges([line for line in found if line.startswith(("SEARCH", "SCAN"))])


@pytest.mark.parametrize("analysed", [False, True], ids=["without statistics", "with statistics"])
def test_a_usage_is_ranges_of_indexes(home: CatalogFixture, *, analysed: bool) -> None:
    home.insert(200)
    insert_batch(home, 3)
    with home.catalog.transaction() as tx:
        if analysed:
            tx.exec_driver_sql("ANALYZE")
        with plans(tx) as found:
            quotas.measure(
                tx,
                home.workspace_id,
                Usage(sequence=190),
                now=now_ms(),
                with_bytes=True,
                with_day=True,
            )
    searches = [line for line in found if line.startswith(("SEARCH", "SCAN"))]
    assert [line for line in searches if line.startswith("SEARCH")] == [
        line for line in searches if "anon" not in line
    ]
    assert any("sequence>?" in line for line in searches)
    assert any("id>?" in line for line in searches)
