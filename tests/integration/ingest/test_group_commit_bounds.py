"""Limits of the group commit: what may be pending, and what is stored after its request ended."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from everlake.catalog import batches, workspaces
from everlake.catalog.opening import open_catalog
from everlake.contract.batches import BatchStatus
from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest import group_commit
from everlake.ingest.group_commit import GroupCommitter
from everlake.ingest.types import IngestResult, ValidatedBatch
from everlake.model.batches import NewBatch
from tests.support.worker_fixture import WorkerFixture, record


@contextmanager
def locked(home: WorkerFixture) -> Iterator[None]:
    """Hold the database locked, as another program that writes to it."""
    other = sqlite3.connect(home.data / "everlake.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


def new_batch(home: WorkerFixture, lines: bytes = b"x" * 100) -> ValidatedBatch:
    template = home.batch(home.accept(record("template")))
    batch = NewBatch(
        id=home.catalog.new_batch_id(),
        workspace_id=home.workspace_id,
        status=BatchStatus.LANDING,
        created_at=template.created_at,
        key_id=template.key_id,
        source=template.source,
        accepted=1,
        rejected=0,
        total_errors=0,
        landing_path=f"landing/{len(lines)}.ndjson.zst",
        landing_bytes=len(lines),
    )
    return ValidatedBatch(row=batch, lines=lines, rejected_object=None, receipt=b"{}", claim=None)


def is_stored(home: WorkerFixture, given: ValidatedBatch) -> bool:
    with home.catalog.snapshot() as tx:
        return batches.get(tx, home.workspace_id, given.row.id) is not None


async def outcomes(
    committer: GroupCommitter, given: list[ValidatedBatch]
) -> list[IngestResult | WireError]:
    tasks = (committer.commit(each) for each in given)
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, IngestResult | WireError) for each in found), found
    return found  # pyright: ignore[reportReturnType] - as just asserted


def codes(found: list[IngestResult | WireError]) -> list[ErrorCode | None]:
    return [each.code if isinstance(each, WireError) else None for each in found]


@pytest.fixture
def hasty(home: WorkerFixture) -> Iterator[GroupCommitter]:
    """A committer that times out after 0.3 s, on a database that lets it wait for 2 s."""
    catalog = open_catalog(f"sqlite:///{home.data / 'everlake.db'}", timeout=2.0)
    committer = GroupCommitter(catalog, home.store, timeout=0.1, max_bytes=1_000)
    committer.start()
    yield committer
    committer.stop()
    catalog.close()


def test_a_batch_that_is_not_committed_in_time_is_unavailable(
    home: WorkerFixture, hasty: GroupCommitter
) -> None:
    given = [new_batch(home) for _ in range(3)]

    with locked(home):
        found = asyncio.run(outcomes(hasty, given))

    assert codes(found) == [ErrorCode.UNAVAILABLE] * 3
    assert all(isinstance(each, WireError) and each.retry_after for each in found)


def test_a_batch_whose_request_timed_out_is_not_stored(
    home: WorkerFixture, hasty: GroupCommitter
) -> None:
    first, second, third = (new_batch(home) for _ in range(3))

    async def send() -> IngestResult:
        blocked = asyncio.create_task(hasty.commit(first))
        await asyncio.sleep(0.05)  # its commit waits for the lock, and occupies the thread
        behind = asyncio.create_task(hasty.commit(second))
        for task in (blocked, behind):
            with pytest.raises(WireError):
                await task
        lock.__exit__(None, None, None)
        return await commit_with_retries(hasty, third)

    lock = locked(home)
    lock.__enter__()
    asyncio.run(send())

    assert not is_stored(home, second)
    assert is_stored(home, third)


async def commit_with_retries(committer: GroupCommitter, given: ValidatedBatch) -> IngestResult:
    """Commit until it succeeds."""
    while True:
        try:
            return await committer.commit(given)
        except WireError:
            await asyncio.sleep(0.05)


def test_more_pending_bytes_than_the_limit_are_rejected_at_once(
    home: WorkerFixture, hasty: GroupCommitter
) -> None:
    given = [new_batch(home, b"x" * 400) for _ in range(4)]
    later = [new_batch(home, b"x" * 400) for _ in range(2)]

    async def send() -> tuple[list[IngestResult | WireError], list[IngestResult | WireError]]:
        with locked(home):
            full = await outcomes(hasty, given)
        while hasty._pending_count:  # noqa: ASYNC110 - the thread has no event to wait for
            await asyncio.sleep(0.01)
        return full, await outcomes(hasty, later)

    full, then = asyncio.run(send())

    assert "keep up" in str(full[3])
    assert "in time" in str(full[0])
    assert codes(then) == [None, None]


def test_more_pending_batches_than_the_limit_are_rejected_at_once(
    home: WorkerFixture, hasty: GroupCommitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [new_batch(home, b"x") for _ in range(4)]
    monkeypatch.setattr(group_commit, "MAX_PENDING", 2)

    with locked(home):
        found = asyncio.run(outcomes(hasty, given))

    assert ["keep up" in str(each) for each in found] == [False, False, True, True]


def test_a_batch_above_the_limit_is_committed_when_nothing_else_is_pending(
    home: WorkerFixture, hasty: GroupCommitter
) -> None:
    large = new_batch(home, b"x" * 2_000)

    assert codes(asyncio.run(outcomes(hasty, [large]))) == [None]
    with home.catalog.snapshot() as tx:
        assert workspaces.first(tx) is not None
