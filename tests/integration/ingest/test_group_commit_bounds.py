"""The admitter takes no more in hand than it may, and stores nothing that nobody waits for."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from everlake.catalog import batches, workspaces
from everlake.catalog.batches import NewBatch
from everlake.catalog.opening import open_catalog
from everlake.contract.batches import BatchStatus
from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest import group_commit
from everlake.ingest.batch_commit import IngestResult, ValidatedBatch
from everlake.ingest.group_commit import GroupCommitter
from tests.support.worker_fixture import WorkerFixture, record


@contextmanager
def locked(home: WorkerFixture) -> Iterator[None]:
    """Another program writes to the database and does not end."""
    other = sqlite3.connect(home.data / "everlake.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


def admission(home: WorkerFixture, lines: bytes = b"x" * 100) -> ValidatedBatch:
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
    admitter: GroupCommitter, given: list[ValidatedBatch]
) -> list[IngestResult | WireError]:
    tasks = (admitter.commit(each) for each in given)
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, IngestResult | WireError) for each in found), found
    return found  # pyright: ignore[reportReturnType] - as just asserted


def codes(found: list[IngestResult | WireError]) -> list[ErrorCode | None]:
    return [each.code if isinstance(each, WireError) else None for each in found]


@pytest.fixture
def impatient(home: WorkerFixture) -> Iterator[GroupCommitter]:
    """An admitter that gives up after 0.3 s, on a database that lets it wait for 2 s."""
    catalog = open_catalog(f"sqlite:///{home.data / 'everlake.db'}", timeout=2.0)
    admitter = GroupCommitter(catalog, home.store, timeout=0.1, max_bytes=1_000)
    admitter.start()
    yield admitter
    admitter.stop()
    catalog.close()


def test_who_is_not_committed_in_time_is_told_so(
    home: WorkerFixture, impatient: GroupCommitter
) -> None:
    given = [admission(home) for _ in range(3)]

    with locked(home):
        found = asyncio.run(outcomes(impatient, given))

    assert codes(found) == [ErrorCode.UNAVAILABLE] * 3
    assert all(isinstance(each, WireError) and each.retry_after for each in found)


def test_what_nobody_waits_for_any_more_is_not_stored(
    home: WorkerFixture, impatient: GroupCommitter
) -> None:
    first, second, third = (admission(home) for _ in range(3))

    async def send() -> IngestResult:
        blocked = asyncio.create_task(impatient.commit(first))
        await asyncio.sleep(0.05)  # it is at the database now, and holds up the thread
        behind = asyncio.create_task(impatient.commit(second))
        for task in (blocked, behind):
            with pytest.raises(WireError):
                await task
        lock.__exit__(None, None, None)
        return await patient_admit(impatient, third)

    lock = locked(home)
    lock.__enter__()
    asyncio.run(send())

    assert not is_stored(home, second)
    assert is_stored(home, third)


async def patient_admit(admitter: GroupCommitter, given: ValidatedBatch) -> IngestResult:
    """Send until it is taken."""
    while True:
        try:
            return await admitter.commit(given)
        except WireError:
            await asyncio.sleep(0.05)


def test_more_bytes_than_may_be_in_hand_are_refused_at_once(
    home: WorkerFixture, impatient: GroupCommitter
) -> None:
    given = [admission(home, b"x" * 400) for _ in range(4)]
    later = [admission(home, b"x" * 400) for _ in range(2)]

    async def send() -> tuple[list[IngestResult | WireError], list[IngestResult | WireError]]:
        with locked(home):
            full = await outcomes(impatient, given)
        while impatient._pending_count:  # noqa: ASYNC110 - until the thread is through
            await asyncio.sleep(0.01)
        return full, await outcomes(impatient, later)

    full, then = asyncio.run(send())

    assert "keep up" in str(full[3])
    assert "in time" in str(full[0])
    assert codes(then) == [None, None]


def test_more_than_may_be_in_hand_are_refused_at_once(
    home: WorkerFixture, impatient: GroupCommitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [admission(home, b"x") for _ in range(4)]
    monkeypatch.setattr(group_commit, "MAX_PENDING", 2)

    with locked(home):
        found = asyncio.run(outcomes(impatient, given))

    assert ["keep up" in str(each) for each in found] == [False, False, True, True]


def test_a_batch_larger_than_all_room_is_taken_when_nothing_else_is_in_hand(
    home: WorkerFixture, impatient: GroupCommitter
) -> None:
    large = admission(home, b"x" * 2_000)

    assert codes(asyncio.run(outcomes(impatient, [large]))) == [None]
    with home.catalog.snapshot() as tx:
        assert workspaces.first(tx) is not None
