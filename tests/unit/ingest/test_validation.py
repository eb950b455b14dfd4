"""The fast path and the diagnostics agree, and every error of a record is found."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from everlake.contract.errors import ErrorCode, RecordErrorCode, WireError
from everlake.contract.limits import Limits
from everlake.contract.media_types import MediaType
from everlake.ingest.diagnostics import diagnose
from everlake.ingest.parsing import parse_each, parse_fast
from tests.support.record_strategies import mutated_records, valid_records

LIMITS = Limits()


def is_valid(payload: bytes) -> bool:
    return parse_fast(payload, MediaType.JSON, LIMITS) is not None


def messages_of(payload: bytes) -> list[str]:
    return [message for _, message in diagnose(payload, limits=LIMITS)]


@given(record=mutated_records())
@settings(max_examples=1_500, deadline=None)
def test_the_fast_path_and_diagnostics_agree_on_every_record(record: Any) -> None:
    payload = json.dumps(record).encode()
    request = None
    if isinstance(record, dict):
        request = parse_fast(b"[" + payload + b"]", MediaType.JSON, LIMITS)
    found = messages_of(payload)
    if request is not None:
        assert found == ["record: a member is given twice, and one of its values breaks a rule"]
    else:
        assert found
        assert "given twice" not in found[0]


@given(record=valid_records)
@settings(max_examples=300, deadline=None)
def test_a_valid_record_is_accepted_with_its_data_unchanged(record: dict[str, Any]) -> None:
    record.pop("_attachments", None)
    payload = json.dumps(record, ensure_ascii=False).encode()
    request = parse_fast(payload, MediaType.JSON, LIMITS)
    assert request is not None
    (accepted,) = request.records
    assert accepted is not None
    assert bytes(accepted.data) == json.dumps(record["data"], ensure_ascii=False).encode()
    assert accepted.type == record["_type"].strip().lower()
    assert accepted.event_at == record["_event_at"][:19] + "Z"


@given(record=mutated_records())
@settings(max_examples=300, deadline=None)
def test_parsing_each_record_accepts_what_the_fast_path_accepts(record: Any) -> None:
    body = b"[" + json.dumps(record).encode() + b"]"
    fast = parse_fast(body, MediaType.JSON, LIMITS)
    each = parse_each(body, MediaType.JSON, LIMITS)
    assert (fast is not None) == all(record is not None for record in each.records)
    if fast is not None:
        assert msgspec.json.encode(fast.records) == msgspec.json.encode(each.records)
        assert (fast.record_type, fast.product_id) == (each.record_type, each.product_id)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"data":"\\ud800"}', "surrogate"),
        (b'{"data":"\\udc00x"}', "surrogate"),
        (b"{", "not JSON"),
        (b"", "empty"),
        (b'{"a":NaN}', "not JSON"),
        (b'\xef\xbb\xbf{"a":1}', "byte order mark"),
        ('{"a":1}'.encode("utf-16"), "UTF-16"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
    ],
)
def test_a_text_that_is_not_json_gets_one_error_that_says_why(
    payload: bytes, expected: str
) -> None:
    ((code, message),) = diagnose(payload, limits=LIMITS)
    assert code is RecordErrorCode.INVALID_JSON
    assert expected in message


@pytest.mark.parametrize(
    "members",
    [
        {"_attachments": [{}] * 300_000},
        {"_project_ids": [""] * 300_000},
        {"_participants": [{"id": "x", "role": 1}] * 100_000},
        {f"x{number}": 1 for number in range(100_000)},
    ],
    ids=["attachments", "projects", "participants", "unknown members"],
)
def test_the_errors_of_a_record_are_bounded(members: dict[str, Any]) -> None:
    payload = json.dumps({"_type": "email", **members}).encode()
    found = list(diagnose(payload, limits=LIMITS, projects=frozenset()))
    assert len(found) <= 1_000
    is_cut_off = found[-1][1].startswith("record: has more errors")
    assert is_cut_off == (len(found) == 1_000)


def test_attachments_beyond_their_limit_are_not_checked_one_by_one() -> None:
    payload = json.dumps({"_type": "email", "_attachments": [{}] * 5}).encode()
    for most in (0, 2):
        limits = Limits(attachments_per_record=most)
        places = [message.split(":")[0] for _, message in diagnose(payload, limits=limits)]
        checked = [each for each in places if each.startswith("_attachments[")]
        assert checked == [f"_attachments[{number}].type" for number in range(most)]
        assert "_attachments" in places


def test_every_error_of_a_record_is_found() -> None:
    record = {
        "_type": "fax",
        "_event_at": "2026-02-31T00:00:00Z",
        "_vendor_ids": {},
        "_product_id": 7,
        "_project_ids": ["known", "strange", 1],
        "_participants": [{"id": "x", "role": "boss"}, 1, {"role": "internal", "email": "no"}],
        "_pii": {"sensitive_score": 2},
        "colour": "red",
        "data": [],
    }
    payload = json.dumps(record).encode()
    found = list(diagnose(payload, limits=LIMITS, projects=frozenset({"known"})))
    places = sorted(message.split(":")[0] for _, message in found)
    assert places == sorted(
        [
            "_type",
            "_schema_version",
            "_event_at",
            "_vendor_ids",
            "_product_id",
            "_project_ids[1]",
            "_project_ids[2]",
            "_participants[0].role",
            "_participants[1]",
            "_participants[2].id",
            "_participants[2].email",
            "_pii.sensitive_score",
            "colour",
            "data",
        ]
    )


def test_the_message_names_the_place_and_the_rule() -> None:
    payload = b'{"_participants":[{"id":"a","role":"internal"},{"id":"b","role":"boss"}]}'
    assert "_participants[1].role: must be internal, external or unknown" in messages_of(payload)


def test_a_member_given_twice_is_rejected_where_either_value_breaks_a_rule() -> None:
    payload = (
        b'{"_type":"email","_schema_version":"1.0.0","_event_at":"2026-01-01T00:00:00Z",'
        b'"_vendor_ids":{"a":"b"},"_product_id":"p","_project_id":7,"_project_id":"q","data":{}}'
    )
    assert not is_valid(payload)
    (message,) = messages_of(payload)
    assert "given twice" in message


def test_names_from_outside_are_cut_and_printable_in_messages() -> None:
    (message,) = [m for m in messages_of(b'{"' + b"x" * 5_000 + b'\\u0000":1}') if "xxx" in m]
    assert len(message) < 200
    assert message.isprintable()


def test_lines_without_a_record_cost_the_event_loop_nothing() -> None:
    body = b"\n" * LIMITS.body_bytes

    assert parse_fast(body, MediaType.NDJSON, LIMITS) is None
    with pytest.raises(WireError) as error:
        parse_each(body, MediaType.NDJSON, LIMITS)
    assert error.value.code is ErrorCode.EMPTY_BATCH
