"""Validation of records that refer to uploads."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from everlake.contract.errors import RecordErrorCode
from everlake.contract.limits import Limits
from everlake.contract.media_types import MediaType
from everlake.ingest.diagnostics import diagnose
from everlake.ingest.parsing import parse_each, parse_fast
from everlake.ingest.validation import upload_ids_in, validate_fast, validate_records

LIMITS = Limits(attachments_per_record=3)
PROJECTS = frozenset({"project"})
GOOD, UNKNOWN, LATE = "good", "unknown", "late"
BAD = {UNKNOWN: RecordErrorCode.UNKNOWN_UPLOAD, LATE: RecordErrorCode.UPLOAD_EXPIRED}


def record(*upload_ids: str | None, **changes: Any) -> dict[str, Any]:
    attachments = [
        {"type": "file"} if each is None else {"type": "file", "upload_intent_id": each}
        for each in upload_ids
    ]
    return {
        "_type": "email",
        "_schema_version": "1.0.0",
        "_event_at": "2026-01-01T00:00:00Z",
        "_vendor_ids": {"id": "1"},
        "_product_id": "product",
        "_project_ids": ["project"],
        "_attachments": attachments,
        "data": {},
        **changes,
    }


def body(*records: dict[str, Any]) -> bytes:
    return json.dumps(records).encode()


def test_records_without_uploads_are_accepted_on_the_fast_path() -> None:
    fast = parse_fast(body(record(None), record()), MediaType.JSON, LIMITS)
    assert fast is not None
    result = validate_fast(fast, PROJECTS, LIMITS)
    assert result is not None
    assert result.uploads == frozenset()


def test_a_record_with_an_upload_leaves_the_fast_path() -> None:
    fast = parse_fast(body(record(None), record(GOOD)), MediaType.JSON, LIMITS)
    assert fast is not None
    assert validate_fast(fast, PROJECTS, LIMITS) is None


def test_invalid_uploads_reject_their_record_alone_with_a_path() -> None:
    text = body(record(None, UNKNOWN, LATE), record(GOOD), record(None))
    result = validate_records(parse_each(text, MediaType.JSON, LIMITS), PROJECTS, LIMITS, BAD)
    assert (result.accepted, result.rejected) == (2, 1)
    assert [(error.index, error.code, error.message.split(":")[0]) for error in result.errors] == [
        (0, "UNKNOWN_UPLOAD", "_attachments[1].upload_intent_id"),
        (0, "UPLOAD_EXPIRED", "_attachments[2].upload_intent_id"),
    ]
    assert result.rejected_by_code == {"UNKNOWN_UPLOAD": 1, "UPLOAD_EXPIRED": 1}


def test_only_uploads_of_accepted_records_are_kept() -> None:
    text = body(record(GOOD, UNKNOWN), record("other", GOOD), record("third", data=[]))
    request = parse_each(text, MediaType.JSON, LIMITS)
    assert upload_ids_in(request, LIMITS) == {GOOD, UNKNOWN, "other", "third"}
    assert validate_records(request, PROJECTS, LIMITS, BAD).uploads == {GOOD, "other"}


def test_a_record_with_other_errors_gets_those_of_its_uploads_too() -> None:
    payload = json.dumps(record(UNKNOWN, data=[])).encode()
    codes = [code for code, _ in diagnose(payload, limits=LIMITS, projects=PROJECTS, uploads=BAD)]
    assert codes == ["VALIDATION_ERROR", "UNKNOWN_UPLOAD"]


def test_uploads_above_the_limit_of_attachments_are_not_looked_up() -> None:
    request = parse_each(body(record("a", "b", "c", "d")), MediaType.JSON, LIMITS)
    assert upload_ids_in(request, LIMITS) == {"a", "b", "c"}


def test_an_id_that_is_not_a_valid_string_is_not_looked_up() -> None:
    odd = [{"type": "file", "upload_intent_id": each} for each in (1, None, [GOOD], "x" * 257)]
    for attachments in (odd[:3], odd[3:], [1, "x", None], {"upload_intent_id": GOOD}, "x", None):
        text = body(record(_attachments=attachments))
        assert upload_ids_in(parse_each(text, MediaType.JSON, LIMITS), LIMITS) == set()


_NAMES = st.lists(st.sampled_from([None, GOOD, UNKNOWN, LATE]), max_size=4)


@given(st.lists(_NAMES, min_size=1, max_size=4))
@settings(deadline=None)
def test_each_record_is_rejected_exactly_for_the_uploads_it_must_not_name(
    named: list[list[str | None]],
) -> None:
    text = body(*(record(*names) for names in named))
    request = parse_each(text, MediaType.JSON, LIMITS)
    result = validate_records(request, PROJECTS, LIMITS, BAD)
    rejected = [
        index
        for index, names in enumerate(named)
        if not BAD.keys().isdisjoint(names) or len(names) > LIMITS.attachments_per_record
    ]
    assert sorted({error.index for error in result.errors}) == rejected
    assert result.rejected == len(rejected)
    expected = sum(name in BAD for names in named for name in names[:3])
    expected += sum(len(names) > LIMITS.attachments_per_record for names in named)
    assert result.total_errors == expected
