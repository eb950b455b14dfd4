"""Batches come in numbered by arrival, and a key's answer is remembered once, whoever is first."""

from collections.abc import Sequence

from everlake.catalog import batches, idempotency, sequence, workspaces
from everlake.catalog.admission import Arrival, admit
from everlake.catalog.engine import Catalog
from everlake.catalog.idempotency import Remembered
from everlake.contract.errors import RecordError, RecordErrorCode
from tests.integration.catalog.home import Home, at_once, make_home


def arrival(home: Home, key: str | None = None, **changes: object) -> Arrival:
    batch = home.new_batch(**changes)
    if key is None:
        return Arrival(batch, None)
    answer = Remembered(
        key=key,
        body_hash=key.encode(),
        response=batch.id.encode(),
        batch_id=batch.id,
        created_at=batch.created_at,
    )
    return Arrival(batch, answer)


def numbers(home: Home) -> list[tuple[int, str]]:
    return [(row.sequence, row.id) for row in sequence.walk(home.catalog, home.workspace_id)]


def admitted(home: Home, *arrivals: Arrival) -> Sequence[Remembered | None]:
    return admit(home.catalog, arrivals)


def test_batches_are_numbered_in_the_order_in_which_they_come(home: Home) -> None:
    some = [arrival(home), arrival(home, "k"), arrival(home)]
    assert admitted(home, *some[:2]) == [None, None]
    assert admitted(home, some[2]) == [None]
    assert numbers(home) == [(n, one.batch.id) for n, one in enumerate(some, start=1)]


def test_a_batch_is_stored_as_it_was_given(home: Home) -> None:
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


def test_a_key_that_came_before_gives_what_was_remembered_and_stores_nothing(home: Home) -> None:
    first, again, other = (arrival(home, "k") for _ in range(3))
    assert admitted(home, first, again) == [None, first.answer]
    fresh = arrival(home)
    assert admitted(home, other, fresh) == [first.answer, None]
    assert [batch_id for _, batch_id in numbers(home)] == [first.batch.id, fresh.batch.id]
    assert [number for number, _ in numbers(home)] == [1, 2]


def test_one_call_may_have_batches_of_several_workspaces(home: Home, catalog: Catalog) -> None:
    theirs = make_home(catalog)
    mixed = [arrival(theirs, "k"), arrival(home, "k"), arrival(theirs), arrival(home)]
    assert admitted(home, *mixed) == [None] * 4
    assert [batch_id for _, batch_id in numbers(home)] == [mixed[1].batch.id, mixed[3].batch.id]
    assert [batch_id for _, batch_id in numbers(theirs)] == [mixed[0].batch.id, mixed[2].batch.id]


def test_many_at_once_leave_no_gap_and_give_no_number_twice(home: Home, catalog: Catalog) -> None:
    homes = [home, make_home(catalog), make_home(catalog)]

    def come(number: int) -> None:
        for turn in range(10):
            order = homes if (number + turn) % 2 else homes[::-1]
            admit(catalog, [arrival(one) for one in order])

    at_once(6, come)
    for one in homes:
        assert [number for number, _ in numbers(one)] == list(range(1, 61))
        with catalog.read() as tx:
            workspace = workspaces.get(tx, one.workspace_id)
        assert workspace is not None
        assert workspace.last_sequence == 60


def test_of_many_with_one_key_at_once_one_is_stored_and_all_get_its_answer(home: Home) -> None:
    def come(_: int) -> tuple[Arrival, Remembered | None]:
        one = arrival(home, "same")
        [earlier] = admit(home.catalog, [one])
        return one, earlier

    outcomes = at_once(6, come)
    [stored] = [one for one, earlier in outcomes if earlier is None]
    assert all(earlier in {None, stored.answer} for _, earlier in outcomes)
    assert numbers(home) == [(1, stored.batch.id)]
    with home.catalog.read() as tx:
        assert idempotency.find(tx, home.workspace_id, "same") == stored.answer
