from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everlake.catalog import batch_queue
from everlake.catalog.database import Catalog
from everlake.clock import now_ms
from everlake.contract.batches import BatchStatus
from everlake.model.batches import BatchRow
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture, run_concurrently

LANDING, LANDED = BatchStatus.LANDING, BatchStatus.LANDED
PROCESSING, COMPLETE, FAILED = BatchStatus.PROCESSING, BatchStatus.COMPLETE, BatchStatus.FAILED

NOW = now_ms() + 3_600_000
"""A time after the creation of every batch."""


def claim(home: CatalogFixture, owner: str = "a", **changes: Any) -> list[str]:
    return [row.id for row in claim_rows(home, owner, **changes)]


def claim_rows(home: CatalogFixture, owner: str = "a", **changes: Any) -> list[BatchRow]:
    values: dict[str, Any] = {
        "status": LANDING,
        "now": NOW,
        "lease_ms": 100,
        "max_batches": 100,
        "max_records": 1_000_000,
        "max_bytes": 1 << 40,
    }
    with home.catalog.transaction() as tx:
        return batch_queue.claim(tx, owner=owner, **{**values, **changes})


def advance(
    home: CatalogFixture, ids: list[str], to: BatchStatus, owner: str = "a", now: int = NOW
) -> int:
    with home.catalog.transaction() as tx:
        return batch_queue.advance(tx, ids, owner=owner, to=to, now=now)


def test_the_oldest_batches_are_claimed_first_and_once(home: CatalogFixture) -> None:
    ids = home.insert(5)
    assert claim(home, "a", max_batches=2) == ids[:2]
    assert claim(home, "b", max_batches=2) == ids[2:4]
    assert claim(home, "a", max_batches=2) == ids[4:]
    assert claim(home, "b") == []


def test_a_claim_returns_the_batch_as_it_is_now(home: CatalogFixture) -> None:
    home.insert()
    [row] = claim_rows(home, "a")
    assert row == home.batch(row.id)
    assert (row.lease_owner, row.due_at) == ("a", NOW + 100)
    assert (row.status, row.attempts) == (LANDING, 0)


def test_a_claim_stops_before_it_has_too_many_records(home: CatalogFixture) -> None:
    ids = [home.insert(accepted=n)[0] for n in (400, 600, 1, 5_000, 1)]
    assert claim(home, max_records=1_000) == ids[:2]
    assert claim(home, max_records=1_000) == ids[2:3]
    assert claim(home, max_records=1_000) == ids[3:4]
    assert claim(home, max_records=1_000) == ids[4:]


def test_a_claim_can_change_the_status(home: CatalogFixture) -> None:
    ids = home.insert(2)
    advance(home, claim(home), LANDED)
    rows = claim_rows(home, status=LANDED, to=PROCESSING)
    assert [row.id for row in rows] == ids
    assert all(row.status is PROCESSING for row in rows)
    assert home.batch(ids[0]) == rows[0]


def test_an_expired_lease_is_claimed_and_counts_as_an_attempt(
    home: CatalogFixture,
) -> None:
    [batch_id] = home.insert()
    assert claim(home, "a") == [batch_id]
    assert claim(home, "b", now=NOW + 99) == []
    [row] = claim_rows(home, "b", now=NOW + 100)
    assert (row.lease_owner, row.attempts) == ("b", 1)


def test_a_former_owner_changes_nothing_and_is_told(home: CatalogFixture) -> None:
    ids = home.insert(2)
    claim(home, "a")
    claim(home, "b", now=NOW + 100, max_batches=1)
    before = home.batch(ids[0])
    with home.catalog.transaction() as tx:
        assert batch_queue.renew(tx, "a", ids[:1], NOW + 500) == 0
        assert batch_queue.advance(tx, ids[:1], owner="a", to=LANDED, now=NOW) == 0
        assert batch_queue.fail(tx, ids[:1], owner="a", now=NOW, reason="r") == 0
        assert batch_queue.release(tx, ids[:1], owner="a", now=NOW) == 0
        assert (
            batch_queue.schedule_retry(tx, ids[:1], owner="a", now=NOW, delay_ms=1, reason="r") == 0
        )
    assert home.batch(ids[0]) == before
    assert advance(home, ids, LANDED) == 1
    assert [home.batch(batch_id).status for batch_id in ids] == [LANDING, LANDED]


def test_a_renewed_lease_holds_longer(home: CatalogFixture) -> None:
    ids = home.insert(2)
    claim(home, "a")
    with home.catalog.transaction() as tx:
        assert batch_queue.renew(tx, "a", [*ids, "unknown"], NOW + 500) == 2
        assert batch_queue.renew(tx, "a", [], NOW + 500) == 0
    assert claim(home, "b", now=NOW + 499) == []
    assert claim(home, "b", now=NOW + 500) == ids


def test_a_claim_of_landed_batches_takes_expired_processing_ones(
    home: CatalogFixture,
) -> None:
    ids = home.insert(4)
    advance(home, claim(home), LANDED)
    assert claim(home, "a", status=LANDED, to=PROCESSING, max_batches=2) == ids[:2]
    assert claim(home, "b", status=LANDED, to=PROCESSING, max_batches=1) == ids[2:3]
    later = NOW + 100
    assert claim(home, "c", status=LANDED, to=PROCESSING, now=later, max_batches=3) == ids[:3]
    assert claim(home, "c", status=LANDED, to=PROCESSING, now=later) == ids[3:]
    assert claim(home, "d", status=PROCESSING, now=later) == []


def test_a_change_of_status_resets_lease_and_attempts(
    home: CatalogFixture,
) -> None:
    [batch_id] = home.insert()
    claim(home, "a")
    with home.catalog.transaction() as tx:
        batch_queue.schedule_retry(
            tx, [batch_id], owner="a", now=NOW, delay_ms=0, reason="disk full"
        )
    [row] = claim_rows(home)
    assert (row.attempts, row.failure) == (1, "disk full")
    assert advance(home, [batch_id], LANDED, now=NOW + 1) == 1
    row = home.batch(batch_id)
    assert (row.status, row.landed_at, row.completed_at) == (LANDED, NOW + 1, None)
    assert (row.attempts, row.failure, row.lease_owner) == (0, None, None)
    claim(home, status=LANDED, to=PROCESSING, now=NOW + 1)
    assert advance(home, [batch_id], COMPLETE, now=NOW + 2) == 1
    row = home.batch(batch_id)
    assert (row.status, row.landed_at, row.completed_at) == (COMPLETE, NOW + 1, NOW + 2)
    assert row.lease_owner is None


def test_a_batch_never_moves_back(home: CatalogFixture) -> None:
    [batch_id] = home.insert()
    claim(home, "a")
    advance(home, [batch_id], LANDED)
    claim(home, "a", status=LANDED, to=PROCESSING)
    assert advance(home, [batch_id], LANDED) == 0
    for to in (LANDING, FAILED):
        with pytest.raises(ValueError, match=to):
            advance(home, [batch_id], to)
    assert home.batch(batch_id).status is PROCESSING


def test_a_failed_attempt_delays_the_batch(home: CatalogFixture) -> None:
    [first, second] = home.insert(2)
    claim(home, "a", max_batches=1)
    with home.catalog.transaction() as tx:
        assert (
            batch_queue.schedule_retry(
                tx, [first], owner="a", now=NOW, delay_ms=1_000, reason="x" * 5_000
            )
            == 1
        )
    row = home.batch(first)
    assert (row.attempts, row.lease_owner, row.due_at) == (1, None, NOW + 1_000)
    assert row.failure == "x" * 2_048
    assert claim(home, "a", now=NOW + 999) == [second]
    assert claim(home, "a", now=NOW + 1_000) == [first]


def test_a_failed_attempt_keeps_the_status(home: CatalogFixture) -> None:
    [batch_id] = home.insert()
    advance(home, claim(home), LANDED)
    claim(home, status=LANDED, to=PROCESSING)
    with home.catalog.transaction() as tx:
        batch_queue.schedule_retry(tx, [batch_id], owner="a", now=NOW, delay_ms=50, reason="r")
    assert home.batch(batch_id).status is PROCESSING
    assert claim(home, status=LANDED, to=PROCESSING) == []
    assert claim(home, status=LANDED, to=PROCESSING, now=NOW + 50) == [batch_id]


def test_a_released_batch_is_due_at_once_without_an_attempt(home: CatalogFixture) -> None:
    [batch_id] = home.insert()
    claim(home, "a")
    with home.catalog.transaction() as tx:
        assert batch_queue.release(tx, [batch_id], owner="a", now=NOW) == 1
    [row] = claim_rows(home, "b")
    assert (row.id, row.attempts) == (batch_id, 0)


def test_a_failed_batch_is_not_claimed(home: CatalogFixture) -> None:
    [batch_id] = home.insert()
    claim(home)
    with home.catalog.transaction() as tx:
        assert batch_queue.fail(tx, [batch_id], owner="a", now=NOW, reason="cannot be read") == 1
    row = home.batch(batch_id)
    assert (row.status, row.failure, row.lease_owner) == (FAILED, "cannot be read", None)
    assert claim(home, now=NOW + 10_000) == []


def test_a_claim_takes_the_workspace_that_has_waited_longest(home: CatalogFixture) -> None:
    neighbour = catalog_fixture(home.catalog)
    mine = home.insert(created_at=NOW - 20)
    theirs = neighbour.insert(created_at=NOW - 30)
    mine += home.insert(created_at=NOW - 10)
    assert claim(home) == theirs
    assert claim(home) == mine
    assert claim(home) == []


def test_a_claim_can_name_or_skip_workspaces(home: CatalogFixture) -> None:
    neighbour = catalog_fixture(home.catalog)
    theirs = neighbour.insert(created_at=NOW - 30)
    mine = home.insert(created_at=NOW - 20)
    everybody = [home.workspace_id, neighbour.workspace_id]
    assert claim(home, skip_workspaces=everybody) == []
    assert claim(home, skip_workspaces=[neighbour.workspace_id]) == mine
    assert claim(home, workspace_id=home.workspace_id) == []
    assert claim(home, workspace_id=neighbour.workspace_id) == theirs


def test_a_workspace_with_delayed_batches_blocks_no_other(
    home: CatalogFixture,
) -> None:
    neighbour = catalog_fixture(home.catalog)
    home.insert(3, created_at=NOW - 30)
    with home.catalog.transaction() as tx:
        claimed = batch_queue.claim(
            tx,
            status=LANDING,
            owner="a",
            now=NOW,
            lease_ms=100,
            max_batches=9,
            max_records=999,
            max_bytes=1 << 30,
        )
        ids = [row.id for row in claimed]
        batch_queue.schedule_retry(tx, ids, owner="a", now=NOW, delay_ms=9_999, reason="r")
    theirs = neighbour.insert(created_at=NOW - 20)
    assert claim(home) == theirs


def test_threads_that_claim_at_once_never_get_the_same_batch(
    home: CatalogFixture, other: Catalog
) -> None:
    ids = home.insert(120)
    there = CatalogFixture(other, home.workspace_id, home.key_id)

    def work(number: int) -> list[str]:
        taken: list[str] = []
        while got := claim(there if number % 2 else home, f"w{number}", max_batches=3):
            taken.extend(got)
        return taken

    taken = [batch_id for share in run_concurrently(4, work) for batch_id in share]
    assert sorted(taken) == sorted(ids)


Step = tuple[str, str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "renew", "advance", "retry_later", "release", "wait"]),
        st.sampled_from(["a", "b"]),
        st.integers(1, 150),
    ),
    max_size=25,
)


class Watcher:
    """Two workers on one workspace, and the leases that each believes to hold."""

    def __init__(self, home: CatalogFixture) -> None:
        self.home = home
        self.now = NOW
        self.until: dict[str, tuple[str, int]] = {}
        self.landed: set[str] = set()
        self.ids = set(home.insert(4))

    def mine(self, owner: str) -> list[str]:
        return [batch_id for batch_id, (holder, _) in self.until.items() if holder == owner]

    def step(self, action: str, owner: str, number: int) -> None:
        if action == "wait":
            self.now += number
            return
        with self.home.catalog.transaction() as tx:
            if action == "claim":
                rows = batch_queue.claim(
                    tx,
                    status=LANDING,
                    owner=owner,
                    now=self.now,
                    lease_ms=100,
                    max_batches=1 + number % 3,
                    max_records=1_000,
                    max_bytes=1 << 30,
                    workspace_id=self.home.workspace_id,
                )
                for row in rows:
                    assert row.id not in self.landed
                    assert self.until.get(row.id, ("", 0))[1] <= self.now
                    self.until[row.id] = (owner, self.now + 100)
                return
            # Every batch is named, so a call that touched more than its own would be seen.
            held = self.mine(owner)
            ids = sorted(self.ids)
            if action == "renew":
                assert batch_queue.renew(tx, owner, ids, self.now + number) == len(held)
                self.until.update(dict.fromkeys(held, (owner, self.now + number)))
                return
            if action == "advance":
                count = batch_queue.advance(tx, ids, owner=owner, to=LANDED, now=self.now)
                self.landed.update(held)
            elif action == "release":
                count = batch_queue.release(tx, ids, owner=owner, now=self.now)
            else:
                count = batch_queue.schedule_retry(
                    tx, ids, owner=owner, now=self.now, delay_ms=number, reason="r"
                )
            assert count == len(held)
            for batch_id in held:
                free = self.now + number if action == "retry_later" else self.now
                self.until[batch_id] = ("", free)


@given(steps=STEPS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_batch_ever_has_two_owners(catalog: Catalog, steps: list[Step]) -> None:
    watcher = Watcher(catalog_fixture(catalog))
    for action, owner, number in steps:
        watcher.step(action, owner, number)
    for batch_id in watcher.ids:
        row = watcher.home.batch(batch_id)
        assert (row.status is LANDED) == (batch_id in watcher.landed)
        assert row.lease_owner == (watcher.until.get(batch_id, ("", 0))[0] or None)


def test_a_status_is_due_while_a_batch_in_it_can_be_claimed(home: CatalogFixture) -> None:
    def due(now: int = NOW) -> bool:
        with home.catalog.snapshot() as tx:
            return batch_queue.is_due(tx, LANDING, now=now)

    assert not due()
    home.insert()
    assert due()
    claim(home, "a", lease_ms=100)
    assert not due()
    assert due(NOW + 100)


def test_delayed_batches_can_be_made_due(home: CatalogFixture) -> None:
    waiting, leased = home.insert(2)
    assert claim(home, max_batches=1) == [waiting]
    with home.catalog.transaction() as tx:
        batch_queue.schedule_retry(tx, [waiting], owner="a", now=NOW, delay_ms=60_000, reason="r")
    assert claim(home) == [leased]
    assert claim(home) == []

    with home.catalog.transaction() as tx:
        assert batch_queue.make_due(tx, home.workspace_id, now=NOW) == 1

    [again] = claim_rows(home)
    assert (again.id, again.attempts) == (waiting, 1)
    assert home.batch(leased).lease_owner == "a"
