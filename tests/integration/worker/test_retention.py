"""What is kept for a time goes after it, by one worker alone, and nothing else goes."""

from pathlib import Path

import pytest

from everlake.catalog import batches, idempotency, sqlite
from everlake.catalog.idempotency import IdempotentResponse
from everlake.contract.ids import new_batch_id
from everlake.integrity.verify import verify
from everlake.landing.batch_objects import check_rejected, read_accepted
from everlake.settings import settings_from
from everlake.worker import garbage_collection
from everlake.worker.janitor import Janitor
from tests.support.rebuilds import no_progress
from tests.support.worker_fixture import ShiftedClock, WorkerFixture, record

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def half_refused(home: WorkerFixture) -> str:
    return home.accept(record("right"), {**record("wrong"), "_event_at": "yesterday"})


def refused_file(home: WorkerFixture, batch_id: str) -> Path:
    path = home.batch(batch_id).rejected_path
    assert path is not None
    return home.data / path


def janitor(home: WorkerFixture, owner: str = "worker", **settings: int) -> Janitor:
    return Janitor(
        settings_from({"data": str(home.data), **settings}),
        home.catalog,
        home.store,
        owner,
    )


def test_refused_records_go_after_their_days_and_the_batch_stays(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    old = half_refused(home)
    file = refused_file(home, old)
    clock.advance(3 * DAY_MS)

    assert janitor(home, keep_refused_days=2).run_once()

    row = home.batch(old)
    assert not file.exists()
    assert home.landing_file(old).exists()
    assert row.rejected_records_deleted
    assert (row.accepted, row.rejected, len(row.errors)) == (1, 1, row.total_errors)
    check_rejected(home.store, row)
    assert len(read_accepted(home.store, row)) == 1


def test_a_check_of_the_lake_misses_nothing_that_was_deleted_in_time(
    home: WorkerFixture, clock: ShiftedClock, tmp_path: Path
) -> None:
    half_refused(home)
    home.process_all()
    clock.advance(3 * DAY_MS)

    assert janitor(home, keep_refused_days=2).run_once()

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = verify(
        home.catalog,
        home.store,
        home.lake,
        home.workspace_id,
        report_progress=no_progress,
        temporary_directory=scratch,
    )
    assert (found.batches, found.records) == (1, 1)
    assert found.problems == []
    assert found.orphans == []


def test_younger_refused_records_stay(home: WorkerFixture, clock: ShiftedClock) -> None:
    batch_id = half_refused(home)
    clock.advance(2 * DAY_MS - 60_000)

    assert janitor(home, keep_refused_days=2).run_once()

    assert refused_file(home, batch_id).exists()


def test_refused_records_are_kept_for_ever_by_default(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    batch_id = half_refused(home)
    clock.advance(10_000 * DAY_MS)

    assert janitor(home).run_once()

    assert refused_file(home, batch_id).exists()


def test_a_janitor_goes_on_where_it_was(
    home: WorkerFixture, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "new_batch_id", lambda: new_batch_id(clock()))
    first = janitor(home, keep_refused_days=2)
    early = half_refused(home)
    clock.advance(DAY_MS)
    late = half_refused(home)
    files = refused_file(home, early), refused_file(home, late)

    clock.advance(DAY_MS + 60_000)
    assert first.run_once()
    assert [file.exists() for file in files] == [False, True]
    clock.advance(DAY_MS)
    assert first.run_once()
    assert [file.exists() for file in files] == [False, False]


def test_many_batches_are_seen_to_in_one_call(
    home: WorkerFixture, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage_collection, "_CHUNK_SIZE", 2)
    ids = [half_refused(home) for _ in range(5)]
    clock.advance(2 * DAY_MS)

    assert garbage_collection.delete_expired_rejected(home.catalog, home.store, 1) == ids[-1]
    assert all(home.batch(batch_id).rejected_records_deleted for batch_id in ids)


def test_a_crash_between_object_and_row_is_made_up_for(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    batch_id = half_refused(home)
    refused_file(home, batch_id).unlink()
    clock.advance(2 * DAY_MS)

    garbage_collection.delete_expired_rejected(home.catalog, home.store, 1)

    assert home.batch(batch_id).rejected_records_deleted


def test_an_answer_is_remembered_for_the_hours_that_are_set(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    remembered = IdempotentResponse(
        key="k",
        body_hash=b"h",
        response=b"{}",
        batch_id=home.accept(record("a")),
        created_at=home.catalog.now_ms(),
    )
    with home.catalog.transaction() as tx:
        idempotency.store(tx, home.workspace_id, [remembered])

    def is_known() -> bool:
        with home.catalog.snapshot() as tx:
            return idempotency.find(tx, home.workspace_id, "k") is not None

    clock.advance(71 * HOUR_MS)
    assert janitor(home, keep_idempotency_hours=72).run_once()
    assert is_known()
    clock.advance(2 * HOUR_MS)
    assert janitor(home, keep_idempotency_hours=72).run_once()
    assert not is_known()


def test_of_many_workers_one_does_it_until_it_leaves_or_is_gone(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    one, other = janitor(home, "one"), janitor(home, "other")

    assert one.run_once()
    assert not other.run_once()
    assert one.run_once()
    one.release()
    assert other.run_once()
    clock.advance(HOUR_MS)
    assert one.run_once()


def test_only_batches_of_before_are_listed_for_it(home: WorkerFixture) -> None:
    batch_id = half_refused(home)
    created = home.batch(batch_id).created_at
    with home.catalog.snapshot() as tx:
        listed = [
            batches.list_rejected_paths(tx, after=after, created_before=before, limit=10)
            for after, before in (("", created + 1), ("", created), (batch_id, created + 1))
        ]
    assert [[each[0] for each in one] for one in listed] == [[batch_id], [], []]
