import base64
import itertools
import json
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from everlake.contract.errors import RecordErrorCode
from everlake.contract.rejected_records import RejectedRecord
from everlake.landing.compression import compress, content_checksum, decompress
from everlake.landing.errors import LandingDamaged
from everlake.landing.rejected import (
    PAGE_BYTES,
    RejectedPosition,
    RejectedWriter,
    read_rejected,
    read_rejected_page,
)

CODE = RecordErrorCode.VALIDATION_ERROR
Refused = list[tuple[int, bytes, list[str]]]


def written(refused: Refused) -> bytes:
    writer = RejectedWriter()
    for index, payload, messages in refused:
        writer.add(index, payload, ((CODE, message) for message in messages))
    return writer.finish()


def pages(blob: bytes, limit: int) -> Iterator[list[RejectedRecord]]:
    position: RejectedPosition | None = RejectedPosition()
    while position is not None:
        page, position = read_rejected_page(blob, position, limit=limit)
        yield page


def joined(parts: list[RejectedRecord]) -> Refused:
    """Return the rejected records, each joined from its parts."""
    found: Refused = []
    for index, group in itertools.groupby(parts, key=lambda part: part.index):
        some = list(group)
        assert [part.is_last for part in some] == [False] * (len(some) - 1) + [True]
        last = some[-1]
        if isinstance(last.payload, str):
            payload = last.payload.encode()
        else:
            assert isinstance(last.payloadBase64, str)
            payload = base64.b64decode(last.payloadBase64)
        found.append((index, payload, [fault.message for part in some for fault in part.errors]))
    return found


texts = st.text(max_size=40) | st.sampled_from(
    # What stands where the reader looks for the end of an error or of a payload.
    [',{"code":"', '},{"code":"', '],"payload', '"}],"payload":"', "\\", '\\"', "\n", '"', "},{"]
)
refusals = st.lists(
    st.tuples(
        st.integers(0, 1_000),
        texts.map(str.encode) | st.binary(max_size=60),
        st.lists(texts, min_size=1, max_size=5),
    ),
    max_size=6,
    unique_by=lambda one: one[0],
)


@settings(max_examples=200, deadline=None)
@given(refusals, st.integers(1, 7))
@example([], 1)
def test_pages_hold_every_rejected_record_with_its_payload_and_errors(
    refused: Refused, limit: int
) -> None:
    blob = written(refused)

    found = list(pages(blob, limit))

    assert joined([part for page in found for part in page]) == refused
    assert all(len(page) == limit for page in found[:-1])
    assert found[-1] or not refused
    assert list(read_rejected(blob)) == [part for page in found for part in page]


MANY = [f"_participants[{n}].role: must be internal, external or unknown" for n in range(60_000)]


def test_many_errors_are_divided_and_the_last_part_has_the_payload() -> None:
    refused: Refused = [(3, b"{}", ["a"]), (4, b'{"b":1}', MANY), (9, b"c", ["d"])]
    blob = written(refused)

    found = list(pages(blob, 100))

    assert joined([part for page in found for part in page]) == refused
    assert len(found) > 3
    for page in found:
        assert len({part.index for part in page}) == len(page)
        assert sum(len(fault.message) for part in page for fault in part.errors) < 2 * PAGE_BYTES
        assert all(part.errors for part in page)


def test_a_large_page_ends_and_no_payload_is_divided() -> None:
    refused: Refused = [(n, b"x" * 400_000, ["e"]) for n in range(10)]

    found = list(pages(written(refused), 100))

    assert [len(page) for page in found] == [3, 3, 3, 1]
    huge: Refused = [(0, b'"\n\0' * PAGE_BYTES, ["e", "f"])]
    assert joined(list(read_rejected(written(huge)))) == huge


def test_a_page_takes_little_memory() -> None:
    blob = written([(0, b"{}", MANY * 10), (1, b"{}", ["e"])])
    position = RejectedPosition()
    tracemalloc.start()
    try:
        for _ in range(3):
            _, following = read_rejected_page(blob, position, limit=100)
            assert following is not None
            position = following
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(decompress(blob)) > 40 * PAGE_BYTES
    assert most < 16 * PAGE_BYTES


SMALL = written([(n, json.dumps({"n": n}).encode(), [f"error {n}"] * 3) for n in range(50)])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_is_reported_before_any_record(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(SMALL) - 1))
    changed = bytearray(SMALL)
    changed[place] ^= data.draw(st.integers(1, 255))
    cut = SMALL[:place]

    with pytest.raises(LandingDamaged):
        read_rejected_page(cut, RejectedPosition(), limit=1)
    try:
        page, _ = read_rejected_page(bytes(changed), RejectedPosition(), limit=1)
    except LandingDamaged:
        return
    # A few bits of a frame's header mean nothing to the content.
    assert page == read_rejected_page(SMALL, RejectedPosition(), limit=1)[0]


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"no frame",
        SMALL + b"x",
        SMALL * 2,
        compress(b"not JSON\n"),
        compress(b"{}\n"),
        compress(b'{"index":0,"errors":[]}\n'),
        compress(b'{"index":0,"errors":[],"payload":""}'),
        compress(b'{"index":0,"errors":[{"code":"X","message":"m"}],"payload":""}\n'),
    ],
)
def test_an_object_without_rejected_records_is_damaged(blob: bytes) -> None:
    with pytest.raises(LandingDamaged):
        read_rejected_page(blob, RejectedPosition(), limit=100)
    with pytest.raises(LandingDamaged):
        list(read_rejected(blob))


@pytest.mark.parametrize(
    "place",
    [
        RejectedPosition(1),
        RejectedPosition(1, 0),
        RejectedPosition(10**9),
        RejectedPosition(10**9, 5),
        RejectedPosition(0, 1),
    ],
)
def test_an_invalid_position_is_rejected(place: RejectedPosition) -> None:
    with pytest.raises(LandingDamaged):
        read_rejected_page(SMALL, place, limit=1)


def test_the_checksum_depends_on_the_content() -> None:
    assert content_checksum(SMALL) == content_checksum(bytes(SMALL))
    assert content_checksum(SMALL) != content_checksum(written([(0, b"{}", ["e"])]))
