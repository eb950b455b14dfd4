import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from everlake.client.request_batches import LIMITS, MAX_RECORD_BYTES, RequestBatch, batch_records
from everlake.client.types import InputRecord, RecordLocation, UnreadableInput
from everlake.contract.media_types import MediaType

TYPES = ("email", " Email", "message")


def item(order: int, media_type: str = MediaType.NDJSON, **changes: Any) -> InputRecord:
    record = {
        "_type": "email",
        "_product_id": "p",
        "_event_at": "2026-03-01T10:00:00Z",
        "_vendor_ids": {"id": str(order)},
        "data": order,
        **changes,
    }
    return InputRecord(
        json.dumps(record).encode(), media_type, RecordLocation("f", order + 1, 0, order)
    )


def batches_of(items: list[InputRecord]) -> list[RequestBatch]:
    found = list(batch_records(items))
    assert all(isinstance(each, RequestBatch) for each in found)
    return [each for each in found if isinstance(each, RequestBatch)]


def orders(batch: RequestBatch) -> list[int]:
    return [location.order for location in batch.locations]


@st.composite
def _items(draw: st.DrawFn) -> list[InputRecord]:
    """Records of some kinds, several versions of each; some lack what a right one has."""
    return [
        item(
            order,
            draw(st.sampled_from([MediaType.JSON, MediaType.NDJSON])),
            _type=draw(st.sampled_from([*TYPES, "no type", 7])),
            _product_id=draw(st.sampled_from(["p", "q", None])),
            _vendor_ids={"id": draw(st.sampled_from("abc"))},
            _attachments=[{}] * draw(st.sampled_from([0, 0, 0, 300])),
        )
        for order in range(draw(st.integers(0, 40)))
    ]


def keys_of(batch: RequestBatch) -> set[tuple[str, str]]:
    """As the server compares them: only where both are strings (contract, Judged, 4)."""
    records = [json.loads(text) for text in batch.texts()]
    both = [(one["_type"], one["_product_id"]) for one in records]
    return {
        (kind.strip().lower(), product)
        for kind, product in both
        if isinstance(kind, str) and isinstance(product, str)
    }


@settings(deadline=None)
@given(_items())
def test_every_record_is_in_one_batch_with_records_of_its_key(items: list[InputRecord]) -> None:
    made = batches_of(items)

    sent = [pair for batch in made for pair in zip(orders(batch), batch.texts(), strict=True)]
    assert sorted(sent) == [(each.location.order, each.text) for each in items]
    for batch in made:
        assert len(keys_of(batch)) <= 1
        assert {items[order].media_type for order in orders(batch)} == {batch.media_type}
        records = [json.loads(text) for text in batch.texts()]
        right = [one for one in records if one["_type"] in TYPES and one["_product_id"] is not None]
        attachments = sum(len(one["_attachments"]) for one in right)
        assert attachments <= LIMITS.attachments_per_batch


@settings(deadline=None)
@given(_items())
def test_versions_of_a_record_stay_in_their_order(items: list[InputRecord]) -> None:
    sent = [order for batch in batches_of(items) for order in orders(batch)]

    def identity(order: int) -> tuple[str, str] | None:
        record = json.loads(items[order].text)
        named = isinstance(record["_type"], str) and isinstance(record["_product_id"], str)
        kind = record["_type"].strip().lower() if named else ""
        return (kind, record["_vendor_ids"]["id"]) if kind in {"email", "message"} else None

    for each in {identity(order) for order in sent} - {None}:
        versions = [order for order in sent if identity(order) == each]
        assert versions == sorted(versions)


@settings(deadline=None)
@given(_items())
def test_batches_that_share_a_record_know_it(items: list[InputRecord]) -> None:
    made = batches_of(items)

    for batch in made:
        right = [
            json.loads(text)
            for text in batch.texts()
            if json.loads(text)["_type"] in TYPES and json.loads(text)["_product_id"] is not None
        ]
        named = {(one["_type"].strip().lower(), one["_vendor_ids"]["id"]) for one in right}
        assert len(batch.identities) == len(named)


def test_a_body_of_lines_or_of_an_array_is_what_it_says() -> None:
    for media_type, body in ((MediaType.NDJSON, b"1\n22\n333\n"), (MediaType.JSON, b"[1,22,333]")):
        locations = [RecordLocation("f", line, 0, line) for line in (1, 2, 3)]
        batch = RequestBatch(media_type, [b"1", b"22", b"333"], locations)
        assert batch.body == body
        assert batch.texts() == [b"1", b"22", b"333"]
        assert batch.subset(1, 3).texts() == [b"22", b"333"]
        assert [location.line for location in batch.subset(1, 3).locations] == [2, 3]


def test_a_batch_holds_no_more_records_than_a_request_may() -> None:
    made = batches_of([item(order) for order in range(2_001)])

    assert [len(batch) for batch in made] == [1_000, 1_000, 1]


def test_a_batch_is_no_longer_than_a_body_may_be() -> None:
    padding = MAX_RECORD_BYTES - len(item(0, data="").text)
    for media_type in (MediaType.JSON, MediaType.NDJSON):
        longest = item(0, media_type, data="x" * padding)
        assert len(longest.text) == MAX_RECORD_BYTES
        halves = [item(order, media_type, data="x" * (padding // 2)) for order in (1, 2, 3)]
        made = batches_of([longest, *halves])
        assert all(len(batch.body) <= LIMITS.body_bytes for batch in made)
        assert [len(batch) for batch in made] == [1, 1, 1, 1]


def test_mixed_records_are_put_into_few_batches() -> None:
    kinds = [("email", "p"), ("message", "p"), ("email", "q")]
    items = [
        item(order, _type=kinds[order % 3][0], _product_id=kinds[order % 3][1])
        for order in range(900)
    ]

    assert [len(batch) for batch in batches_of(items)] == [300, 300, 300]


def test_what_is_not_json_goes_with_the_others() -> None:
    broken = [
        InputRecord(b"{oops", MediaType.NDJSON, RecordLocation("f", 1, 0, order))
        for order in (0, 2)
    ]

    [batch] = batches_of([broken[0], item(1), broken[1]])

    assert orders(batch) == [0, 1, 2]


def test_a_product_in_each_record_is_not_held_for_ever() -> None:
    items = [item(order, _product_id=f"p{order}") for order in range(200)]

    made = batch_records(items)

    assert isinstance(next(made), RequestBatch)
    assert sum(len(batch) for batch in made if isinstance(batch, RequestBatch)) == 199


def test_large_records_of_many_kinds_are_not_all_held() -> None:
    held = 0
    items = (item(order, _product_id=f"p{order % 60}", data="x" * 400_000) for order in range(120))

    def counted() -> Any:
        nonlocal held
        for each in items:
            held += len(each.text)
            yield each

    for batch in batch_records(counted()):
        assert isinstance(batch, RequestBatch)
        assert held < 20_000_000
        held -= len(batch.body)


def test_what_is_no_record_is_passed_on() -> None:
    unread = UnreadableInput("f is gone")

    assert list(batch_records([unread])) == [unread]
