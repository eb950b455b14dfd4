from everlake.catalog import queue, sequence
from everlake.catalog.sequence import Totals
from everlake.contract.batch import BatchStatus
from tests.integration.catalog.home import Home, make_home, now_ms


def claimed(home: Home, status: BatchStatus, count: int, to: BatchStatus | None = None) -> None:
    with home.catalog.write() as tx:
        rows = queue.claim(
            tx,
            status=status,
            to=to,
            owner="worker",
            now=now_ms() + 1_000,
            lease_ms=10_000,
            max_batches=count,
            max_records=10_000,
            max_bytes=1 << 30,
        )
    assert len(rows) == count


def landed(home: Home, ids: list[str]) -> None:
    with home.catalog.write() as tx:
        queue.advance(tx, ids, owner="worker", to=BatchStatus.LANDED, now=now_ms())


def test_a_walk_goes_through_all_batches_of_the_workspace_in_order(home: Home) -> None:
    other = make_home(home.catalog)
    ids: list[str] = []
    for _ in range(3):
        ids += home.insert(400)
        other.insert(3)

    found = list(sequence.walk(home.catalog, home.workspace_id))

    assert [batch.sequence for batch in found] == list(range(1, 1_201))
    assert [batch.id for batch in found] == ids


def test_a_walk_is_bounded_on_both_sides(home: Home) -> None:
    home.insert(9)

    found = sequence.walk(home.catalog, home.workspace_id, after=2, until=5)

    assert [batch.sequence for batch in found] == [3, 4, 5]


def test_a_walk_meets_batches_that_came_while_it_went(home: Home) -> None:
    home.insert(2)
    seen: list[int] = []
    for batch in sequence.walk(home.catalog, home.workspace_id):
        seen.append(batch.sequence)
        if batch.sequence == 1:
            home.insert(1)

    assert seen == [1, 2, 3]


def test_batches_are_found_by_their_numbers(home: Home) -> None:
    home.insert(1_500)
    numbers = [1, 2, 700, 1_500, 9_999]

    found = sequence.numbered(home.catalog, home.workspace_id, numbers)
    assert [batch.sequence for batch in found] == [1, 2, 700, 1_500]
    many = sequence.numbered(home.catalog, home.workspace_id, range(1, 1_401))
    assert [batch.sequence for batch in many] == list(range(1, 1_401))


def test_totals_are_of_all_batches_or_of_those_that_have_landed(home: Home) -> None:
    ids = home.insert(3)
    make_home(home.catalog).insert(2)
    claimed(home, BatchStatus.LANDING, 3)
    landed(home, ids[:2])

    with home.catalog.read() as tx:
        everything = sequence.totals(tx, home.workspace_id)
        there = sequence.totals(tx, home.workspace_id, landed=True)

    assert everything == Totals(batches=3, records=30, bytes=3_000)
    assert there == Totals(batches=2, records=20, bytes=2_000)


def test_totals_of_nothing_are_nothing(home: Home) -> None:
    with home.catalog.read() as tx:
        assert sequence.totals(tx, home.workspace_id) == Totals(batches=0, records=0, bytes=0)


def test_batches_in_hand_are_those_that_are_claimed(home: Home) -> None:
    ids = home.insert(3)
    claimed(home, BatchStatus.LANDING, 2)

    with home.catalog.read() as tx:
        assert sequence.in_hand(tx, home.workspace_id, BatchStatus.LANDING) == set(ids[:2])
        assert sequence.in_hand(tx, home.workspace_id, BatchStatus.PROCESSING) == set()

    landed(home, ids[:2])
    claimed(home, BatchStatus.LANDED, 2, to=BatchStatus.PROCESSING)
    with home.catalog.read() as tx:
        assert sequence.in_hand(tx, home.workspace_id, BatchStatus.LANDING) == set()
        assert sequence.in_hand(tx, home.workspace_id, BatchStatus.PROCESSING) == set(ids[:2])
