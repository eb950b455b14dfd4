from collections.abc import Iterable

import pytest
from sqlalchemy.exc import IntegrityError

from everlake.catalog import batch_queue, batch_scan, batches, workspaces
from everlake.clock import now_ms
from everlake.contract.batches import BatchStatus
from everlake.contract.errors import RecordError, RecordErrorCode
from everlake.contract.ids import new_batch_id
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture

ERRORS = [
    RecordError(index=n, code=RecordErrorCode.VALIDATION_ERROR, message=f"_tags: bad “{n}”")
    for n in range(25)
]


def set_status(home: CatalogFixture, batch_id: str, status: BatchStatus) -> None:
    with home.catalog.transaction() as tx:
        tx.execute(
            batches.batches.update().where(batches.batches.c.id == batch_id).values(status=status)
        )


def ids_by_sequence(home: CatalogFixture, sequences: Iterable[int]) -> dict[int, str]:
    rows = batch_scan.scan_sequences(home.catalog, home.workspace_id, sequences)
    return {row.sequence: row.id for row in rows}


def test_a_batch_is_read_as_it_was_inserted(home: CatalogFixture) -> None:
    new = home.new_batch(
        payload_format="text",
        rejected=3,
        total_errors=25,
        errors=ERRORS[:4],
        rejected_path="landing/x.rejected.ndjson.zst",
        landing_bytes=2**40,
        attachment_total=7,
    )
    with home.catalog.transaction() as tx:
        batches.insert(tx, [(new, 1)])
    row = home.batch(new.id)
    for name in batches.NewBatch.__struct_fields__:
        wanted = getattr(new, name)
        assert getattr(row, name) == (tuple(wanted) if name == "errors" else wanted)
    assert row.sequence == 1
    assert row.attempts == row.attachment_complete == row.attachment_failed == 0
    assert row.lease_owner is row.landed_at is row.completed_at is None


def test_only_the_first_twenty_errors_are_kept(home: CatalogFixture) -> None:
    [batch_id] = home.insert(errors=ERRORS, total_errors=25)
    row = home.batch(batch_id)
    assert list(row.errors) == ERRORS[:20]
    assert row.total_errors == 25


def test_a_failed_batch_keeps_its_reason_and_needs_no_landing_object(home: CatalogFixture) -> None:
    [batch_id] = home.insert(
        status=BatchStatus.FAILED,
        accepted=0,
        type=None,
        product_id=None,
        landing_path=None,
        landing_bytes=0,
        failure="Every record was refused.",
    )
    row = home.batch(batch_id)
    assert row.status is BatchStatus.FAILED
    assert row.failure == "Every record was refused."
    assert row.type is row.product_id is row.landing_path is None


def test_two_batches_cannot_have_the_same_number(home: CatalogFixture) -> None:
    with pytest.raises(IntegrityError), home.catalog.transaction() as tx:
        batches.insert(tx, [(home.new_batch(), 1), (home.new_batch(), 1)])


def test_a_workspace_sees_only_its_own_batches(home: CatalogFixture) -> None:
    neighbour = catalog_fixture(home.catalog)
    [mine] = home.insert()
    [theirs] = neighbour.insert()
    with home.catalog.snapshot() as tx:
        assert batches.get(tx, home.workspace_id, theirs) is None
        assert [row.id for row in batches.page(tx, home.workspace_id, limit=9)] == [mine]
    assert ids_by_sequence(home, [1]) == {1: mine}
    assert ids_by_sequence(neighbour, [1]) == {1: theirs}


def test_batches_are_found_by_their_numbers(home: CatalogFixture) -> None:
    ids = home.insert(1_200)
    assert ids_by_sequence(home, range(1_300)) == dict(enumerate(ids, start=1))
    assert ids_by_sequence(home, []) == {}


def test_existing_batches_are_found_among_ids(home: CatalogFixture) -> None:
    ids = home.insert(1_200)
    with home.catalog.snapshot() as tx:
        assert batches.find_existing_ids(tx, [*ids, new_batch_id(), ""]) == set(ids)
        assert batches.find_existing_ids(tx, []) == set()


def test_pages_are_newest_first_and_hold_each_one_once(home: CatalogFixture) -> None:
    ids = home.insert(7)
    seen: list[str] = []
    while True:
        with home.catalog.snapshot() as tx:
            rows = batches.page(tx, home.workspace_id, limit=2, before=seen[-1] if seen else None)
        if not rows:
            break
        seen.extend(row.id for row in rows)
        home.insert()
    assert seen == ids[::-1]


def test_pages_keep_to_their_filters(home: CatalogFixture) -> None:
    home.insert(type="call", source="api")
    [wanted] = home.insert(type="call", source="slack")
    home.insert(type="email", source="slack")
    [failed] = home.insert(type="call", source="slack", status=BatchStatus.FAILED)

    def ids(**filters: object) -> list[str]:
        with home.catalog.snapshot() as tx:
            rows = batches.page(tx, home.workspace_id, limit=10, **filters)  # pyright: ignore[reportArgumentType] - named by the calls below
        return [row.id for row in rows]

    assert ids(status=BatchStatus.FAILED) == [failed]
    assert ids(type="call", source="slack") == [failed, wanted]
    assert ids(type="call", source="slack", status=BatchStatus.LANDING) == [wanted]
    assert ids(type="call", source="slack", before=failed) == [wanted]
    assert ids(type="document") == []
    assert len(ids(source="slack")) == 3


def claim(home: CatalogFixture, status: BatchStatus, now: int) -> list[str]:
    with home.catalog.transaction() as tx:
        rows = batch_queue.claim(
            tx,
            status=status,
            owner="w",
            now=now,
            lease_ms=10,
            max_batches=9,
            max_records=999,
            max_bytes=1 << 30,
        )
    return [row.id for row in rows]


def test_a_failed_batch_is_resumed_from_its_last_status(home: CatalogFixture) -> None:
    [early, late] = home.insert(2)
    now = now_ms() + 1_000
    assert claim(home, BatchStatus.LANDING, now) == [early, late]
    with home.catalog.transaction() as tx:
        batch_queue.advance(tx, [late], owner="w", to=BatchStatus.LANDED, now=now)
    assert claim(home, BatchStatus.LANDED, now) == [late]
    with home.catalog.transaction() as tx:
        assert batch_queue.fail(tx, [early, late], owner="w", now=now, reason="bad") == 2
    assert home.batch(early).failure == "bad"
    with home.catalog.transaction() as tx:
        assert batch_queue.retry_failed(tx, home.workspace_id, early, now=1)
        assert batch_queue.retry_failed(tx, home.workspace_id, late, now=1)
        assert not batch_queue.retry_failed(tx, home.workspace_id, late, now=1)
    assert home.batch(early).status is BatchStatus.LANDING
    assert home.batch(late).status is BatchStatus.LANDED
    for batch_id in (early, late):
        row = home.batch(batch_id)
        assert (row.attempts, row.failure, row.lease_owner) == (0, None, None)


@pytest.mark.parametrize("status", [s for s in BatchStatus if s is not BatchStatus.FAILED])
def test_a_batch_that_has_not_failed_is_not_retried(
    home: CatalogFixture, status: BatchStatus
) -> None:
    [batch_id] = home.insert()
    set_status(home, batch_id, status)
    with home.catalog.transaction() as tx:
        assert not batch_queue.retry_failed(tx, home.workspace_id, batch_id, now=1)
    assert home.batch(batch_id).status is status


def test_neither_a_rejected_nor_another_workspaces_batch_is_retried(home: CatalogFixture) -> None:
    neighbour = catalog_fixture(home.catalog)
    [refused] = home.insert(status=BatchStatus.FAILED, accepted=0)
    [theirs] = neighbour.insert(status=BatchStatus.FAILED)
    with home.catalog.transaction() as tx:
        assert not batch_queue.retry_failed(tx, home.workspace_id, refused, now=1)
        assert not batch_queue.retry_failed(tx, home.workspace_id, theirs, now=1)
        assert not batch_queue.retry_failed(tx, home.workspace_id, "unknown", now=1)


def test_many_batches_are_found_by_their_ids(home: CatalogFixture) -> None:
    ids = [*home.insert(3), *catalog_fixture(home.catalog).insert(1)]
    with home.catalog.snapshot() as tx:
        found = batches.get_many(tx, [*ids, "unknown", *map(str, range(1_000))])
        assert batches.get_many(tx, []) == {}
    assert set(found) == set(ids)
    assert found[ids[0]] == home.batch(ids[0])


def test_inserting_no_batches_does_nothing(home: CatalogFixture) -> None:
    with home.catalog.transaction() as tx:
        batches.insert(tx, [])
        assert workspaces.next_sequences(tx, home.workspace_id, 1) == range(1, 2)
