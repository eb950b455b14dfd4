"""Landing objects: accepted records survive a round trip byte for byte, and damage is detected."""

import base64
import json
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from everlake.contract.envelope import Record
from everlake.contract.errors import RecordErrorCode
from everlake.contract.limits import Limits
from everlake.contract.media_types import MediaType
from everlake.contract.record_identity import record_id, record_version, sequence_of
from everlake.ingest.parsing import parse_fast
from everlake.landing.accepted import decode_accepted, encode_accepted
from everlake.landing.compression import compress, decompress
from everlake.landing.errors import LandingDamaged
from everlake.landing.rejected import RejectedWriter
from tests.support.record_strategies import json_values, valid_records

GAPS = st.text(" \t\r\n", max_size=3)
"""White space that JSON allows between tokens."""

DATA = '{"text":"hello"}'


@st.composite
def spaced_json(draw: st.DrawFn, value: Any) -> str:
    """Return ``value`` as JSON text, with white space wherever it is allowed."""

    def gap() -> str:
        return draw(GAPS)

    if isinstance(value, dict):
        members = [
            f"{gap()}{json.dumps(name)}{gap()}:{gap()}{draw(spaced_json(item))}{gap()}"
            for name, item in value.items()
        ]
        return "{" + (",".join(members) or gap()) + "}"
    if isinstance(value, list):
        items = [f"{gap()}{draw(spaced_json(item))}{gap()}" for item in value]
        return "[" + (",".join(items) or gap()) + "]"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


data_texts = st.dictionaries(st.text(max_size=8), json_values, max_size=3).flatmap(spaced_json)


def accepted(envelope: dict[str, Any], data: str) -> Record | None:
    """Return the record that ingest makes of an envelope and the text of its ``data``."""
    members = {name: value for name, value in envelope.items() if name != "data"}
    body = json.dumps(members, ensure_ascii=False)[:-1] + ', "data" : ' + data + " }"
    submission = parse_fast(body.encode(), MediaType.JSON, Limits())
    return submission.records[0] if submission else None


@st.composite
def accepted_records(draw: st.DrawFn) -> Record:
    """Return a valid record with any text of ``data``."""
    record = accepted(draw(valid_records), draw(data_texts))
    assume(record is not None)
    assert record is not None
    return record


def a_record(data: str = DATA, **members: Any) -> Record:
    envelope = {
        "_type": "message",
        "_schema_version": "1.0.0",
        "_event_at": "2026-03-01T10:00:00Z",
        "_vendor_ids": {"id": "1"},
        "_product_id": "prod",
        "_project_ids": ["proj"],
    }
    record = accepted(envelope | members, data)
    assert record is not None
    return record


@settings(max_examples=60, deadline=None)
@given(st.lists(accepted_records(), max_size=4), st.integers(1, 2**40))
def test_records_are_decoded_in_order_with_their_data_byte_for_byte(
    records: list[Record], sequence: int
) -> None:
    landed = decode_accepted(decompress(compress(encode_accepted(records))), sequence)

    assert [one.data for one in landed] == [bytes(record.data) for record in records]
    assert [one.version for one in landed] == [
        record_version(sequence, line) for line in range(len(records))
    ]
    assert all(sequence_of(one.version) == sequence for one in landed)


@settings(max_examples=60, deadline=None)
@given(accepted_records())
def test_the_envelope_is_exactly_the_normalised_record_without_its_data(record: Record) -> None:
    [landed] = decode_accepted(encode_accepted([record]), 1)

    without_data = msgspec.json.encode(record)[: -len(record.data) - len(b',"data":}')] + b"}"
    assert landed.envelope == without_data
    members = msgspec.json.decode(landed.envelope)
    assert "data" not in members
    assert "_data_text" not in members


@settings(max_examples=60, deadline=None)
@given(accepted_records())
def test_decoded_members_equal_those_of_the_envelope(record: Record) -> None:
    [landed] = decode_accepted(encode_accepted([record]), 1)

    members = msgspec.json.decode(landed.envelope)
    assert landed.record_type == members["_type"]
    assert landed.event_at == members["_event_at"]
    assert landed.vendor_ids == members["_vendor_ids"]
    assert landed.product_id == members["_product_id"]
    assert landed.project_ids == members["_project_ids"]
    assert landed.nature == members.get("_nature", "evidence")
    assert landed.thread_id == members.get("_thread_id")
    assert landed.tags == members.get("_tags", [])
    assert msgspec.to_builtins(landed.participants) == members.get("_participants", [])
    assert landed.record_id == record_id(landed.record_type, landed.vendor_ids, landed.event_at)


@settings(max_examples=60, deadline=None)
@given(st.lists(accepted_records(), min_size=1, max_size=4))
def test_an_object_has_one_json_object_a_line_and_no_other_line_break(
    records: list[Record],
) -> None:
    lines = encode_accepted(records)

    assert lines.count(b"\n") == len(records)
    assert b"\r" not in lines
    assert lines.endswith(b"\n")
    for line, record in zip(lines.splitlines(), records, strict=True):
        assert json.loads(line)["data"] == json.loads(bytes(record.data))


@pytest.mark.parametrize("gap", ["\n", "\r", "\r\n", "\n\n "])
def test_data_with_line_breaks_is_stored_flat_and_verbatim(
    gap: str,
) -> None:
    data = f'{{{gap}"text":{gap}"hello\\n"{gap}}}'

    lines = encode_accepted([a_record(data, _tags=["x"])])

    line = json.loads(lines)
    assert line["data"] == {"text": "hello\n"}
    assert line["_data_text"] == data
    [landed] = decode_accepted(lines, 1)
    assert landed.data == data.encode()
    assert (
        landed.envelope == decode_accepted(encode_accepted([a_record(_tags=["x"])]), 1)[0].envelope
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(accepted_records(), min_size=1, max_size=4))
def test_both_encodings_of_records_without_line_breaks_are_equal(
    records: list[Record],
) -> None:
    broken = any({*bytes(record.data)} & {*b"\r\n"} for record in records)

    if not broken:
        assert encode_accepted(records, line_breaks=False) == encode_accepted(records)


@pytest.mark.parametrize("gap", ["\n", "\r"])
@pytest.mark.parametrize("media_type", list(MediaType))
def test_parsing_reports_whether_records_may_have_line_breaks(
    gap: str, media_type: MediaType
) -> None:
    record = '{"_type":"email","_schema_version":"1.0.0","_event_at":"2026-01-01T00:00:00Z",'
    record += '"_vendor_ids":{"id":"1"},"_product_id":"p","_project_ids":["q"],"data":{}}'
    body = f"[{record},{gap}{record}]" if media_type is MediaType.JSON else f"{record}\n{record}"
    compact = body.replace(gap, "") if media_type is MediaType.JSON else body
    spaced = body.replace('"data":{}', '"data":{\r}') if media_type is MediaType.NDJSON else body

    right = parse_fast(compact.encode(), media_type, Limits())
    assert right is not None
    assert not right.line_breaks
    right = parse_fast(spaced.encode(), media_type, Limits())
    assert right is not None
    assert right.line_breaks


def test_only_the_record_with_line_breaks_has_its_data_twice() -> None:
    lines = encode_accepted([a_record(), a_record("{\n}"), a_record()])

    assert ["_data_text" in json.loads(line) for line in lines.splitlines()] == [False, True, False]


def test_unicode_line_separators_are_left_alone() -> None:
    data = '{"text":"a\u2028b\u2029c\u0085d"}'

    [landed] = decode_accepted(encode_accepted([a_record(data)]), 1)

    assert landed.data == data.encode()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2_000))
@example(b"")
def test_compression_is_lossless(lines: bytes) -> None:
    assert decompress(compress(lines)) == lines


LARGE_ENOUGH = encode_accepted([a_record(json.dumps({"text": str(n) * n})) for n in range(40)])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_changed_byte_is_always_detected(data: st.DataObject) -> None:
    blob = bytearray(compress(LARGE_ENOUGH))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))

    try:
        lines = decompress(bytes(blob))
    except LandingDamaged:
        return
    # A few bits of a frame's header mean nothing to the content.
    assert lines == LARGE_ENOUGH


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(compress(LARGE_ENOUGH)) - 1))
@example(0)
def test_a_truncated_object_is_damaged(length: int) -> None:
    with pytest.raises(LandingDamaged):
        decompress(compress(LARGE_ENOUGH)[:length])


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=20))
def test_an_object_with_trailing_bytes_is_damaged(more: bytes) -> None:
    with pytest.raises(LandingDamaged):
        decompress(compress(LARGE_ENOUGH) + more)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"_type":"message"}',
        b"[" * 100_000,
        encode_accepted([a_record()])[:-3],
        encode_accepted([a_record()]).replace(b'"_event_at"', b'"_event"'),
        encode_accepted([a_record()]).replace(b'{"id":"1"}', b'{"id":1}'),
    ],
)
def test_an_object_with_an_invalid_line_is_damaged(line: bytes) -> None:
    with pytest.raises(LandingDamaged, match="not a record"):
        decode_accepted(encode_accepted([a_record()]) + line.rstrip(b"\n") + b"\n", 1)


refusals = st.lists(
    st.tuples(
        st.integers(0, 1_000),
        st.binary(max_size=60) | st.text(max_size=60).map(str.encode),
        st.lists(st.tuples(st.sampled_from(RecordErrorCode), st.text(max_size=60)), max_size=5),
    ),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(refusals)
def test_rejected_records_keep_their_payload_and_all_errors(
    refused: list[tuple[int, bytes, list[tuple[RecordErrorCode, str]]]],
) -> None:
    writer = RejectedWriter()
    for index, payload, errors in refused:
        writer.add(index, payload, iter(errors))

    lines = [json.loads(line) for line in decompress(writer.finish()).split(b"\n") if line]

    assert [line["index"] for line in lines] == [index for index, _, _ in refused]
    assert [_payload(line) for line in lines] == [payload for _, payload, _ in refused]
    assert [line["errors"] for line in lines] == [
        [{"code": code.value, "message": message} for code, message in errors]
        for _, _, errors in refused
    ]


def _payload(line: dict[str, Any]) -> bytes:
    if "payload_base64" in line:
        return base64.b64decode(line["payload_base64"])
    return line["payload"].encode()


def test_a_payload_that_is_text_is_kept_as_text() -> None:
    writer = RejectedWriter()
    writer.add(0, '{"née": 1}'.encode(), [])
    writer.add(1, b'{"\xff": 1}', [])

    lines = decompress(writer.finish()).splitlines()

    assert json.loads(lines[0]) == {"index": 0, "errors": [], "payload": '{"née": 1}'}
    assert set(json.loads(lines[1])) == {"index", "errors", "payload_base64"}


def test_many_errors_of_one_record_take_little_memory() -> None:
    writer = RejectedWriter()
    errors = ((RecordErrorCode.VALIDATION_ERROR, f"_participants[{n}].role") for n in range(50_000))
    writer.add(0, b"{}", errors)

    assert len(json.loads(decompress(writer.finish()))["errors"]) == 50_000


def test_objects_can_be_read_by_any_zstandard_reader() -> None:
    lines = encode_accepted([a_record(), a_record("{\n}")])

    frame = zstandard.get_frame_parameters(compress(lines))
    assert frame.has_checksum
    assert frame.content_size == len(lines)
    assert zstandard.ZstdDecompressor().decompress(compress(lines)) == lines


def test_a_record_that_is_built_by_hand_is_not_changed_by_encoding() -> None:
    record = a_record("{\n}")
    before = bytes(record.data)

    encode_accepted([record])

    assert isinstance(record.data, Raw)
    assert bytes(record.data) == before
