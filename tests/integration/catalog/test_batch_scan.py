from everlake.catalog import batch_queue, batch_scan
from everlake.catalog.batch_scan import BatchTotals
from everlake.clock import now_ms
from everlake.contract.batches import BatchStatus
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture


def claimed(
    home: CatalogFixture, status: BatchStatus, count: int, to: BatchStatus | None = None
) -> None:
    with home.catalog.transaction() as tx:
        rows = batch_queue.claim(
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


def landed(home: CatalogFixture, ids: list[str]) -> None:
    with home.catalog.transaction() as tx:
        batch_queue.advance(tx, ids, owner="worker", to=BatchStatus.LANDED, now=now_ms())


def test_a_scan_yields_all_batches_of_the_workspace_in_order(home: CatalogFixture) -> None:
    other = catalog_fixture(home.catalog)
    ids: list[str] = []
    for _ in range(3):
        ids += home.insert(400)
        other.insert(3)

    found = list(batch_scan.scan(home.catalog, home.workspace_id))

    assert [batch.sequence for batch in found] == list(range(1, 1_201))
    assert [batch.id for batch in found] == ids


def test_a_scan_has_two_bounds(home: CatalogFixture) -> None:
    home.insert(9)

    found = batch_scan.scan(home.catalog, home.workspace_id, after=2, until=5)

    assert [batch.sequence for batch in found] == [3, 4, 5]


def test_a_scan_finds_batches_that_were_inserted_meanwhile(home: CatalogFixture) -> None:
    home.insert(2)
    seen: list[int] = []
    for batch in batch_scan.scan(home.catalog, home.workspace_id):
        seen.append(batch.sequence)
        if batch.sequence == 1:
            home.insert(1)

    assert seen == [1, 2, 3]


def test_batches_are_found_by_their_numbers(home: CatalogFixture) -> None:
    home.insert(1_500)
    numbers = [1, 2, 700, 1_500, 9_999]

    found = batch_scan.scan_sequences(home.catalog, home.workspace_id, numbers)
    assert [batch.sequence for batch in found] == [1, 2, 700, 1_500]
    many = batch_scan.scan_sequences(home.catalog, home.workspace_id, range(1, 1_401))
    assert [batch.sequence for batch in many] == list(range(1, 1_401))


def test_totals_are_of_all_batches_or_of_those_that_have_landed(home: CatalogFixture) -> None:
    ids = home.insert(3)
    catalog_fixture(home.catalog).insert(2)
    claimed(home, BatchStatus.LANDING, 3)
    landed(home, ids[:2])

    with home.catalog.snapshot() as tx:
        everything = batch_scan.totals(tx, home.workspace_id)
        there = batch_scan.totals(tx, home.workspace_id, landed=True)

    assert everything == BatchTotals(batches=3, records=30, bytes=3_000)
    assert there == BatchTotals(batches=2, records=20, bytes=2_000)


def test_totals_of_nothing_are_nothing(home: CatalogFixture) -> None:
    with home.catalog.snapshot() as tx:
        assert batch_scan.totals(tx, home.workspace_id) == BatchTotals(
            batches=0, records=0, bytes=0
        )


def test_claimed_batches_are_found(home: CatalogFixture) -> None:
    ids = home.insert(3)
    claimed(home, BatchStatus.LANDING, 2)

    with home.catalog.snapshot() as tx:
        assert batch_scan.find_claimed_ids(tx, home.workspace_id, BatchStatus.LANDING) == set(
            ids[:2]
        )
        assert batch_scan.find_claimed_ids(tx, home.workspace_id, BatchStatus.PROCESSING) == set()

    landed(home, ids[:2])
    claimed(home, BatchStatus.LANDED, 2, to=BatchStatus.PROCESSING)
    with home.catalog.snapshot() as tx:
        assert batch_scan.find_claimed_ids(tx, home.workspace_id, BatchStatus.LANDING) == set()
        assert batch_scan.find_claimed_ids(tx, home.workspace_id, BatchStatus.PROCESSING) == set(
            ids[:2]
        )
