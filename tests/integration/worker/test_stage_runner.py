"""Batches on their way: claimed, worked on, moved forward, tried again, given up."""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import permutations

import msgspec
import pytest

from everlake.catalog.database import Connection
from everlake.catalog.opening import open_catalog
from everlake.contract.batches import BatchStatus
from everlake.lake import Lake
from everlake.lake.record_merge import MergeInput
from everlake.lake.records import RecordRepository
from everlake.lake.writer_leases import WriterLeases
from everlake.model.batches import BatchRow
from everlake.model.records import MergeResult
from everlake.storage import StorageFull, StorageUnavailable
from everlake.tables.local_backend import LocalTableBackend
from everlake.worker import stages
from everlake.worker.types import Stage
from tests.support.worker_fixture import ShiftedClock, WorkerFixture, record


class CountingRecords(RecordRepository):
    """A real repository of records that counts its merges."""

    merges = 0

    def merge_prepared(self, workspace_id: str, inputs: Iterable[MergeInput]) -> MergeResult:
        self.merges += 1
        return super().merge_prepared(workspace_id, inputs)


class Flaky:
    """A landing step that raises what it is told to, each time before it works."""

    def __init__(self, home: WorkerFixture, *errors: Exception, only: str | None = None) -> None:
        self._real = home.landing_stage()
        self._errors = list(errors)
        self._only = only
        self.groups: list[list[str]] = []

    def _work(self, group: Sequence[BatchRow]) -> None:
        ids = [batch.id for batch in group]
        self.groups.append(ids)
        if self._errors and (self._only is None or self._only in ids):
            raise self._errors.pop(0)
        self._real.process(group)

    def stage(self) -> Stage:
        return msgspec.structs.replace(self._real, process=self._work)


def test_a_lone_batch_lands_and_is_analysed(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a", "the export fails"))

    assert home.stage_runner().run_once()
    landed = home.batch(batch_id)
    assert (landed.status, landed.lease_owner, landed.attempts) == (BatchStatus.LANDED, None, 0)
    assert landed.landed_at is not None
    assert home.texts() == ["the export fails"]

    assert home.stage_runner(home.analysis_stage()).run_once()
    assert home.batch(batch_id).status is BatchStatus.COMPLETE
    assert home.search_texts("export") == ["the export fails"]


def test_there_is_nothing_to_do_where_nothing_waits(home: WorkerFixture) -> None:
    assert not home.stage_runner().run_once()
    assert not home.stage_runner(home.analysis_stage()).run_once()


def test_many_batches_are_one_merge(home: WorkerFixture) -> None:
    ids = [home.accept(record(str(n)), record(f"{n}b")) for n in range(30)]
    lake = Lake(LocalTableBackend(home.data))
    lake.records = counted = CountingRecords(lake.engine)

    home.process_all(stages.landing_stage(home.catalog, home.store, lake))

    assert counted.merges == 1
    assert set(home.statuses(*ids)) == {"LANDED"}
    assert home.lake.records.count(home.workspace_id) == 60


def test_workspaces_are_not_merged_together(home: WorkerFixture) -> None:
    other = home.new_workspace("other")
    mine = home.accept(record("a", "mine"))
    theirs = home.accept(record("a", "theirs"), workspace_id=other)

    home.process_all()

    assert home.batch(mine).status is BatchStatus.COMPLETE
    assert home.batch(theirs, other).status is BatchStatus.COMPLETE
    assert home.texts() == ["mine"]
    assert home.lake.records.count(other) == 1


def test_the_last_to_arrive_wins_in_whatever_order_batches_are_worked_on(
    home: WorkerFixture,
) -> None:
    for order in permutations(range(3)):
        home.workspace_id = home.new_workspace(str(order))
        ids = [home.accept(record("a", f"version {n}")) for n in range(3)]
        rows = [home.batch(batch_id) for batch_id in ids]

        for number in order:
            home.landing_stage().process([rows[number]])
        for number in order:
            home.analysis_stage().process([rows[number]])

        assert home.texts() == ["version 2"], order
        assert home.search_texts("version") == ["version 2"], order


def test_of_one_batch_the_last_of_its_records_wins(home: WorkerFixture) -> None:
    home.accept(record("a", "first"), record("b", "other"), record("a", "second"))

    home.process_all()

    assert sorted(home.texts()) == ["other", "second"]


def test_a_step_that_was_done_before_its_worker_died_may_be_done_again(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a", "once"))
    for stage in (home.landing_stage(), home.analysis_stage()):
        stage.process([home.batch(batch_id)])

    home.process_all()

    assert home.texts() == ["once"]
    assert home.search_texts("once") == ["once"]


@pytest.mark.parametrize("damage", ["missing", "cut off", "not zstandard", "empty"])
def test_a_batch_whose_landing_object_is_lost_fails_alone(home: WorkerFixture, damage: str) -> None:
    ids = [home.accept(record(str(n), f"text {n}")) for n in range(7)]
    lost = home.landing_file(ids[3])
    if damage == "missing":
        lost.unlink()
    else:
        content = lost.read_bytes()
        lost.write_bytes({"cut off": content[:-3], "not zstandard": b"{}\n", "empty": b""}[damage])

    home.process_all()

    assert home.statuses(*ids) == ["COMPLETE"] * 3 + ["FAILED"] + ["COMPLETE"] * 3
    failure = home.batch(ids[3]).failure
    assert failure is not None
    assert failure.startswith("its landing object cannot be read: ")
    assert len(home.texts()) == 6


def test_a_batch_that_failed_goes_on_where_it_was_when_it_is_retried(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a"))
    file = home.landing_file(batch_id)
    away = file.rename(file.with_suffix(".away"))
    home.process_all()
    assert home.statuses(batch_id) == ["FAILED"]

    away.rename(file)
    assert home.retry(batch_id)
    home.process_all()

    assert home.statuses(batch_id) == ["COMPLETE"]
    assert home.batch(batch_id).failure is None


def test_a_batch_that_failed_after_it_landed_does_not_land_again(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a"))
    home.process_all(home.landing_stage())
    file = home.landing_file(batch_id)
    away = file.rename(file.with_suffix(".away"))
    home.process_all()
    assert home.statuses(batch_id) == ["FAILED"]

    away.rename(file)
    assert home.retry(batch_id)

    assert home.statuses(batch_id) == ["LANDED"]


def test_a_step_that_raises_is_tried_again_later_and_later_and_then_given_up(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    batch_id = home.accept(record("a"))
    queue = home.stage_runner(Flaky(home, *[ValueError(f"no {n}") for n in range(9)]).stage())

    for attempt, wait in ((1, 1_000), (2, 2_000), (3, 4_000)):
        before = clock()
        assert queue.run_once()
        row = home.batch(batch_id)
        assert (row.status, row.attempts) == (BatchStatus.LANDING, attempt)
        assert row.failure == f"ValueError: no {attempt - 1}"
        assert before + wait <= row.due_at <= clock() + wait
        assert not queue.run_once(), "it must not be tried before its time"
        clock.advance(wait)
    assert queue.run_once()

    row = home.batch(batch_id)
    assert row.status is BatchStatus.FAILED
    assert row.failure == "given up after 3 attempts: ValueError: no 2"


def test_a_batch_that_was_given_up_has_all_of_its_tries_again_when_it_is_retried(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    batch_id = home.accept(record("a", "at last"))
    queue = home.stage_runner(Flaky(home, *[ValueError("no")] * 4).stage(), max_attempts=1)
    assert queue.run_once()
    clock.advance(60_000)
    assert queue.run_once()
    assert home.statuses(batch_id) == ["FAILED"]

    assert home.retry(batch_id)
    home.process_all()

    assert home.statuses(batch_id) == ["COMPLETE"]
    assert home.texts() == ["at last"]


def test_a_step_that_raises_once_ends_well(home: WorkerFixture, clock: ShiftedClock) -> None:
    batch_id = home.accept(record("a"))
    queue = home.stage_runner(Flaky(home, ValueError("no")).stage())
    assert queue.run_once()
    clock.advance(1_000)
    assert queue.run_once()

    row = home.batch(batch_id)
    assert (row.status, row.attempts, row.failure) == (BatchStatus.LANDED, 0, None)


def test_a_batch_that_makes_a_step_raise_does_not_fail_those_beside_it(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    ids = [home.accept(record(str(n))) for n in range(4)]
    flaky = Flaky(home, *[ValueError("no")] * 9, only=ids[2])
    queue = home.stage_runner(flaky.stage())

    for _ in range(12):
        queue.run_once()
        clock.advance(10_000)

    assert home.statuses(*ids) == ["LANDED", "LANDED", "FAILED", "LANDED"]
    assert flaky.groups[0] == ids
    assert all(len(group) == 1 for group in flaky.groups[1:])


def test_batches_that_failed_before_are_held_one_at_a_time(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    # Else each death of a worker would be counted against all that wait behind the one at work.
    ids = [home.accept(record(str(n))) for n in range(4)]
    assert home.stage_runner(Flaky(home, ValueError("no")).stage()).run_once()
    clock.advance(1_000)
    held: list[list[str]] = []

    def work(group: Sequence[BatchRow]) -> None:
        held.append([one for one in ids if home.batch(one).lease_owner is not None])
        home.landing_stage().process(group)

    queue = home.stage_runner(msgspec.structs.replace(home.landing_stage(), process=work))
    while queue.run_once():
        pass

    assert held == [[one] for one in ids]
    assert set(home.statuses(*ids)) == {"LANDED"}


def test_fresh_batches_do_not_wait_for_one_that_failed_before(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    failed = home.accept(record("a"))
    assert home.stage_runner(Flaky(home, ValueError("no")).stage()).run_once()
    clock.advance(1_000)
    fresh = [home.accept(record(str(n))) for n in range(3)]
    flaky = Flaky(home)

    queue = home.stage_runner(flaky.stage())
    assert queue.run_once()
    assert queue.run_once()

    assert flaky.groups == [fresh, [failed]]


def test_one_that_failed_before_does_not_wait_for_fresh_ones_that_never_end(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    failed = home.accept(record("a"))
    assert home.stage_runner(Flaky(home, ValueError("no")).stage()).run_once()
    clock.advance(1_000)
    queue = home.stage_runner()

    for number in range(3):
        home.accept(record(str(number)))
        assert queue.run_once()

    assert home.statuses(failed) == ["LANDED"]


def test_a_death_is_not_counted_against_those_that_only_waited(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    ids = [home.accept(record(str(n))) for n in range(5)]

    class Died(BaseException):
        pass

    def die(_: Sequence[BatchRow]) -> None:
        raise Died

    for number in range(4):
        dying = msgspec.structs.replace(home.landing_stage(), process=die)
        queue = home.stage_runner(dying, worker=f"worker {number}", max_attempts=9)
        with pytest.raises(Died):
            queue.run_once()
        clock.advance(40_000)
    attempts = [home.batch(one).attempts for one in ids]
    in_hand = [home.batch(one).lease_owner is not None for one in ids]

    # The first took all of them down, each further one the one it had in hand.
    assert sum(attempts) + sum(in_hand) == 5 + 3


@pytest.mark.parametrize(
    "error", [StorageUnavailable("storage is away"), StorageFull("the disk is full")]
)
def test_what_passes_by_itself_is_never_counted_against_a_batch(
    home: WorkerFixture, clock: ShiftedClock, error: Exception
) -> None:
    batch_id = home.accept(record("a"))
    queue = home.stage_runner(Flaky(home, *[error] * 20).stage())

    for _ in range(20):
        assert queue.run_once()
        row = home.batch(batch_id)
        assert (row.status, row.attempts, row.lease_owner) == (BatchStatus.LANDING, 0, None)
        clock.advance(1_000)
    assert queue.run_once()

    assert home.statuses(batch_id) == ["LANDED"]


def test_a_catalog_that_goes_away_in_the_middle_is_never_counted_against_a_batch(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    batch_id = home.accept(record("a"))
    impatient = open_catalog(f"sqlite:///{home.data / 'everlake.db'}", timeout=0.05)
    blocker = sqlite3.connect(home.data / "everlake.db", isolation_level=None)

    def work(group: Sequence[BatchRow]) -> None:
        home.landing_stage().process(group)
        blocker.execute("BEGIN IMMEDIATE")

    stage = msgspec.structs.replace(home.landing_stage(), process=work)
    queue = home.stage_runner(stage, catalog=impatient)
    for _ in range(5):
        with pytest.raises(Exception, match="database is busy"):
            queue.run_once()
        with pytest.raises(Exception, match="database is busy"):
            queue.run_once()
        blocker.execute("ROLLBACK")
        clock.advance(60_000)
    assert home.stage_runner().run_once()

    row = home.batch(batch_id)
    assert (row.status, row.attempts) == (BatchStatus.LANDED, 0)
    blocker.close()
    impatient.close()


def test_a_batch_whose_worker_dies_each_time_is_given_up_in_the_end(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    batch_id = home.accept(record("a"))

    class Killed(BaseException):
        """The process ends here."""

    def die(_: Sequence[BatchRow]) -> None:
        raise Killed

    stage = msgspec.structs.replace(home.landing_stage(), process=die)
    for _ in range(3):
        with pytest.raises(Killed):
            home.stage_runner(stage).run_once()
        assert not home.stage_runner(stage).run_once(), "its lease has not run out yet"
        clock.advance(30_001)
    assert home.stage_runner(stage).run_once()

    row = home.batch(batch_id)
    assert row.status is BatchStatus.FAILED
    assert row.failure == (
        "given up after 3 attempts: the worker ended while it processed this batch"
    )


def test_a_worker_whose_lease_was_taken_over_cannot_move_its_batches_forward(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    batch_id = home.accept(record("a", "once"))
    seen: list[BatchRow] = []

    def be_slow(group: Sequence[BatchRow]) -> None:
        clock.advance(30_001)
        second = home.stage_runner(worker="second")
        assert second.run_once()
        seen.append(home.batch(batch_id))
        home.landing_stage().process(group)

    slow = msgspec.structs.replace(home.landing_stage(), process=be_slow)
    assert home.stage_runner(slow, worker="first").run_once()

    assert home.batch(batch_id) == seen[0], "the first worker must not have touched the row"
    assert seen[0].status is BatchStatus.LANDED
    assert home.texts() == ["once"]


def test_a_worker_whose_lease_was_taken_over_cannot_fail_its_batches_either(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    batch_id = home.accept(record("a"))
    taken: list[BatchRow] = []

    def be_slow_and_fail(_: Sequence[BatchRow]) -> None:
        clock.advance(30_001)

        def hold(group: Sequence[BatchRow]) -> None:
            taken.extend(group)
            raise KeyboardInterrupt

        other = msgspec.structs.replace(home.landing_stage(), process=hold)
        with pytest.raises(KeyboardInterrupt):
            home.stage_runner(other, worker="second").run_once()
        raise ValueError("too late")

    slow = msgspec.structs.replace(home.landing_stage(), process=be_slow_and_fail)
    assert home.stage_runner(slow, worker="first").run_once()

    row = home.batch(batch_id)
    assert row.lease_owner == "second/land"
    assert row.failure is None
    assert row.attempts == taken[0].attempts


def test_claims_are_renewed_while_a_step_lasts(home: WorkerFixture, clock: ShiftedClock) -> None:
    batch_id = home.accept(record("a"))

    def be_slow(group: Sequence[BatchRow]) -> None:
        for _ in range(4):
            clock.advance(20_000)
            queue.renew()
            assert not home.stage_runner(worker="second").run_once()
        home.landing_stage().process(group)

    queue = home.stage_runner(msgspec.structs.replace(home.landing_stage(), process=be_slow))
    assert queue.run_once()

    assert home.statuses(batch_id) == ["LANDED"]


def test_a_workspace_that_another_worker_writes_is_passed_over(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    theirs = home.new_workspace("theirs")
    first = home.accept(record("a"), workspace_id=theirs)
    second = home.accept(record("b"))
    other = home.writer_leases("other")
    other.acquire(theirs)
    queue = home.stage_runner()

    assert queue.run_once()
    assert not queue.run_once()

    assert home.statuses(second) == ["LANDED"]
    row = home.batch(first, theirs)
    assert (row.status, row.attempts, row.lease_owner) == (BatchStatus.LANDING, 0, None)
    other.release_all()
    assert queue.run_once()
    assert home.batch(first, theirs).status is BatchStatus.LANDED


class LateLook(WriterLeases):
    """As if another worker took its lease just after this one looked for leases of others."""

    def held_by_others(self, tx: Connection) -> set[str]:  # noqa: ARG002
        return set()


def test_batches_are_put_back_when_another_worker_begins_to_write_their_workspace(
    home: WorkerFixture, clock: ShiftedClock
) -> None:
    batch_id = home.accept(record("a"))
    other = home.writer_leases("other")
    other.acquire(home.workspace_id)
    flaky = Flaky(home)
    queue = home.stage_runner(flaky.stage(), writer_leases=LateLook(home.catalog, "worker", 30_000))

    for _ in range(5):
        assert queue.run_once()
        row = home.batch(batch_id)
        assert (row.status, row.attempts, row.lease_owner) == (BatchStatus.LANDING, 0, None)
        clock.advance(1_000)
        other.renew()
    assert flaky.groups == []
    other.release_all()
    assert queue.run_once()

    assert home.statuses(batch_id) == ["LANDED"]


def test_a_refused_batch_is_no_work(home: WorkerFixture) -> None:
    broken = {**record("a"), "_event_at": "yesterday"}
    batch_id = home.accept(record("b"), broken)

    home.process_all()

    assert home.statuses(batch_id) == ["COMPLETE"]
    assert home.lake.records.count(home.workspace_id) == 1


def test_one_lost_object_among_many_costs_few_merges(home: WorkerFixture) -> None:
    ids = [home.accept(record(str(n))) for n in range(16)]
    home.landing_file(ids[5]).unlink()
    flaky = Flaky(home)

    assert home.stage_runner(flaky.stage()).run_once()

    assert home.statuses(*ids).count("LANDED") == 15
    assert len(flaky.groups) == 9  # the whole, and two halves four times
