"""Insertion of batches: numbering by arrival, and idempotency keys under concurrency."""

from collections.abc import Sequence

from everlake.catalog import batch_scan, batches, idempotency, workspaces
from everlake.catalog.batch_insertion import BatchInsertion, insert_batches
from everlake.catalog.database import Catalog
from everlake.catalog.idempotency import IdempotentResponse
from everlake.contract.errors import RecordError, RecordErrorCode
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture, run_concurrently

LOCK_TIMEOUT = 15.0


def arrival(home: CatalogFixture, key: str | None = None, **changes: object) -> BatchInsertion:
    batch = home.new_batch(**changes)
    if key is None:
        return BatchInsertion(batch, None)
    answer = IdempotentResponse(
        key=key,
        body_hash=key.encode(),
        response=batch.id.encode(),
        batch_id=batch.id,
        created_at=batch.created_at,
    )
    return BatchInsertion(batch, answer)


def numbers(home: CatalogFixture) -> list[tuple[int, str]]:
    return [(row.sequence, row.id) for row in batch_scan.scan(home.catalog, home.workspace_id)]


def admitted(
    home: CatalogFixture, *arrivals: BatchInsertion
) -> Sequence[IdempotentResponse | None]:
    return insert_batches(home.catalog, arrivals, LOCK_TIMEOUT)


def test_batches_are_numbered_in_their_order(home: CatalogFixture) -> None:
    some = [arrival(home), arrival(home, "k"), arrival(home)]
    assert admitted(home, *some[:2]) == [None, None]
    assert admitted(home, some[2]) == [None]
    assert numbers(home) == [(n, one.batch.id) for n, one in enumerate(some, start=1)]


def test_a_batch_is_stored_as_it_was_given(home: CatalogFixture) -> None:
    one = arrival(
        home,
        rejected=1,
        total_errors=30,
        errors=[
            RecordError(n, RecordErrorCode.VALIDATION_ERROR, 'data: must be "an object" é')
            for n in range(30)
        ],
        payload_format="text",
        rejected_path="landing/x.rejected.ndjson.zst",
        attachment_total=3,
        type=None,
        product_id=None,
    )
    admitted(home, one)
    row = home.batch(one.batch.id)
    assert list(row.errors) == list(one.batch.errors[:20])
    for name in batches.NewBatch.__struct_fields__:
        if name != "errors":
            assert getattr(row, name) == getattr(one.batch, name)
    assert (row.sequence, row.due_at, row.attempts) == (1, one.batch.created_at, 0)
    assert row.lease_owner is None


def test_a_known_key_returns_its_response_and_inserts_nothing(
    home: CatalogFixture,
) -> None:
    first, again, other = (arrival(home, "k") for _ in range(3))
    assert admitted(home, first, again) == [None, first.response]
    fresh = arrival(home)
    assert admitted(home, other, fresh) == [first.response, None]
    assert [batch_id for _, batch_id in numbers(home)] == [first.batch.id, fresh.batch.id]
    assert [number for number, _ in numbers(home)] == [1, 2]


def test_one_call_can_insert_batches_of_several_workspaces(
    home: CatalogFixture, catalog: Catalog
) -> None:
    theirs = catalog_fixture(catalog)
    mixed = [arrival(theirs, "k"), arrival(home, "k"), arrival(theirs), arrival(home)]
    assert admitted(home, *mixed) == [None] * 4
    assert [batch_id for _, batch_id in numbers(home)] == [mixed[1].batch.id, mixed[3].batch.id]
    assert [batch_id for _, batch_id in numbers(theirs)] == [mixed[0].batch.id, mixed[2].batch.id]


def test_concurrent_insertions_number_batches_without_gaps_and_duplicates(
    home: CatalogFixture, catalog: Catalog
) -> None:
    homes = [home, catalog_fixture(catalog), catalog_fixture(catalog)]

    def come(number: int) -> None:
        for turn in range(10):
            order = homes if (number + turn) % 2 else homes[::-1]
            insert_batches(catalog, [arrival(one) for one in order], LOCK_TIMEOUT)

    run_concurrently(6, come)
    for one in homes:
        assert [number for number, _ in numbers(one)] == list(range(1, 61))
        with catalog.snapshot() as tx:
            workspace = workspaces.get(tx, one.workspace_id)
        assert workspace is not None
        assert workspace.last_sequence == 60


def test_concurrent_insertions_with_one_key_store_one_batch(
    home: CatalogFixture,
) -> None:
    def come(_: int) -> tuple[BatchInsertion, IdempotentResponse | None]:
        one = arrival(home, "same")
        [earlier] = insert_batches(home.catalog, [one], LOCK_TIMEOUT)
        return one, earlier

    outcomes = run_concurrently(6, come)
    [stored] = [one for one, earlier in outcomes if earlier is None]
    assert all(earlier in {None, stored.response} for _, earlier in outcomes)
    assert numbers(home) == [(1, stored.batch.id)]
    with home.catalog.snapshot() as tx:
        assert idempotency.find(tx, home.workspace_id, "same") == stored.response
