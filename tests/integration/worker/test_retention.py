"""What is kept for a time goes after it, by one worker alone, and nothing else goes."""

from pathlib import Path

import pytest

from everlake.analysis.utterances import extract
from everlake.catalog import batches, idempotency, sqlite
from everlake.catalog.idempotency import Remembered
from everlake.contract.ids import new_batch_id
from everlake.lake.verify import verify
from everlake.landing.objects import check_refused, read_accepted
from everlake.settings import Settings
from everlake.worker import housekeeping
from everlake.worker.janitor import Janitor
from tests.integration.worker.home import Clock, Home, record
from tests.integration.worker.rebuilding import quiet

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def half_refused(home: Home) -> str:
    return home.accept(record("right"), {**record("wrong"), "_event_at": "yesterday"})


def refused_file(home: Home, batch_id: str) -> Path:
    path = home.batch(batch_id).rejected_path
    assert path is not None
    return home.data / path


def janitor(home: Home, owner: str = "worker", **settings: int) -> Janitor:
    return Janitor(
        Settings(data=str(home.data), **settings),  # pyright: ignore[reportArgumentType]
        home.catalog,
        home.store,
        owner,
    )


def test_refused_records_go_after_their_days_and_the_batch_stays(home: Home, clock: Clock) -> None:
    old = half_refused(home)
    file = refused_file(home, old)
    clock.forward(3 * DAY_MS)

    assert janitor(home, keep_refused_days=2).turn()

    row = home.batch(old)
    assert not file.exists()
    assert home.landing_file(old).exists()
    assert row.refused_are_gone
    assert (row.accepted, row.rejected, len(row.errors)) == (1, 1, row.total_errors)
    check_refused(home.store, row)
    assert len(read_accepted(home.store, row)) == 1


def test_a_check_of_the_lake_misses_nothing_that_was_deleted_in_time(
    home: Home, clock: Clock, tmp_path: Path
) -> None:
    half_refused(home)
    home.work()
    clock.forward(3 * DAY_MS)

    assert janitor(home, keep_refused_days=2).turn()

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = verify(
        home.catalog,
        home.store,
        home.lake,
        home.workspace_id,
        says=lambda one: bool(extract(one.record_type, one.data, one.participants)),
        watch=quiet,
        directory=scratch,
    )
    assert (found.batches, found.records) == (1, 1)
    assert found.problems == []
    assert found.orphans == []


def test_younger_refused_records_stay(home: Home, clock: Clock) -> None:
    batch_id = half_refused(home)
    clock.forward(2 * DAY_MS - 60_000)

    assert janitor(home, keep_refused_days=2).turn()

    assert refused_file(home, batch_id).exists()


def test_refused_records_are_kept_for_ever_by_default(home: Home, clock: Clock) -> None:
    batch_id = half_refused(home)
    clock.forward(10_000 * DAY_MS)

    assert janitor(home).turn()

    assert refused_file(home, batch_id).exists()


def test_a_janitor_goes_on_where_it_was(
    home: Home, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "new_batch_id", lambda: new_batch_id(clock()))
    first = janitor(home, keep_refused_days=2)
    early = half_refused(home)
    clock.forward(DAY_MS)
    late = half_refused(home)
    files = refused_file(home, early), refused_file(home, late)

    clock.forward(DAY_MS + 60_000)
    assert first.turn()
    assert [file.exists() for file in files] == [False, True]
    clock.forward(DAY_MS)
    assert first.turn()
    assert [file.exists() for file in files] == [False, False]


def test_many_batches_are_seen_to_in_one_call(
    home: Home, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_CHUNK", 2)
    ids = [half_refused(home) for _ in range(5)]
    clock.forward(2 * DAY_MS)

    assert housekeeping.forget_refused(home.catalog, home.store, 1) == ids[-1]
    assert all(home.batch(batch_id).refused_are_gone for batch_id in ids)


def test_a_crash_between_object_and_row_is_made_up_for(home: Home, clock: Clock) -> None:
    batch_id = half_refused(home)
    refused_file(home, batch_id).unlink()
    clock.forward(2 * DAY_MS)

    housekeeping.forget_refused(home.catalog, home.store, 1)

    assert home.batch(batch_id).refused_are_gone


def test_an_answer_is_remembered_for_the_hours_that_are_set(home: Home, clock: Clock) -> None:
    remembered = Remembered(
        key="k",
        body_hash=b"h",
        response=b"{}",
        batch_id=home.accept(record("a")),
        created_at=home.catalog.now_ms(),
    )
    with home.catalog.write() as tx:
        idempotency.remember(tx, home.workspace_id, [remembered])

    def is_known() -> bool:
        with home.catalog.read() as tx:
            return idempotency.find(tx, home.workspace_id, "k") is not None

    clock.forward(71 * HOUR_MS)
    assert janitor(home, keep_idempotency_hours=72).turn()
    assert is_known()
    clock.forward(2 * HOUR_MS)
    assert janitor(home, keep_idempotency_hours=72).turn()
    assert not is_known()


def test_of_many_workers_one_does_it_until_it_leaves_or_is_gone(home: Home, clock: Clock) -> None:
    one, other = janitor(home, "one"), janitor(home, "other")

    assert one.turn()
    assert not other.turn()
    assert one.turn()
    one.leave()
    assert other.turn()
    clock.forward(HOUR_MS)
    assert one.turn()


def test_only_batches_of_before_are_listed_for_it(home: Home) -> None:
    batch_id = half_refused(home)
    created = home.batch(batch_id).created_at
    with home.catalog.read() as tx:
        listed = [
            batches.refused_objects(tx, after=after, created_before=before, limit=10)
            for after, before in (("", created + 1), ("", created), (batch_id, created + 1))
        ]
    assert [[each[0] for each in one] for one in listed] == [[batch_id], [], []]
