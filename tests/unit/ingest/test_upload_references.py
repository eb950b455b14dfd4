"""What is said of records that name uploads: the same by the fast and by the slow verdict."""

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


def test_records_that_name_no_upload_are_accepted_at_the_first_look() -> None:
    quick = parse_fast(body(record(None), record()), MediaType.JSON, LIMITS)
    assert quick is not None
    judgement = validate_fast(quick, PROJECTS, LIMITS)
    assert judgement is not None
    assert judgement.uploads == frozenset()


def test_a_record_that_names_an_upload_is_looked_at_twice() -> None:
    quick = parse_fast(body(record(None), record(GOOD)), MediaType.JSON, LIMITS)
    assert quick is not None
    assert validate_fast(quick, PROJECTS, LIMITS) is None


def test_bad_uploads_refuse_their_record_alone_and_name_the_place() -> None:
    text = body(record(None, UNKNOWN, LATE), record(GOOD), record(None))
    judgement = validate_records(parse_each(text, MediaType.JSON, LIMITS), PROJECTS, LIMITS, BAD)
    assert (judgement.accepted, judgement.rejected) == (2, 1)
    assert [
        (error.index, error.code, error.message.split(":")[0]) for error in judgement.errors
    ] == [
        (0, "UNKNOWN_UPLOAD", "_attachments[1].upload_intent_id"),
        (0, "UPLOAD_EXPIRED", "_attachments[2].upload_intent_id"),
    ]
    assert judgement.rejected_by_code == {"UNKNOWN_UPLOAD": 1, "UPLOAD_EXPIRED": 1}


def test_only_uploads_of_accepted_records_are_kept() -> None:
    text = body(record(GOOD, UNKNOWN), record("other", GOOD), record("third", data=[]))
    submission = parse_each(text, MediaType.JSON, LIMITS)
    assert upload_ids_in(submission, LIMITS) == {GOOD, UNKNOWN, "other", "third"}
    assert validate_records(submission, PROJECTS, LIMITS, BAD).uploads == {GOOD, "other"}


def test_a_record_with_other_errors_is_told_of_its_uploads_too() -> None:
    payload = json.dumps(record(UNKNOWN, data=[])).encode()
    codes = [code for code, _ in diagnose(payload, limits=LIMITS, projects=PROJECTS, uploads=BAD)]
    assert codes == ["VALIDATION_ERROR", "UNKNOWN_UPLOAD"]


def test_of_too_many_attachments_only_as_many_as_are_allowed_are_looked_up() -> None:
    submission = parse_each(body(record("a", "b", "c", "d")), MediaType.JSON, LIMITS)
    assert upload_ids_in(submission, LIMITS) == {"a", "b", "c"}


def test_what_is_no_text_names_no_upload() -> None:
    odd = [{"type": "file", "upload_intent_id": each} for each in (1, None, [GOOD], "x" * 257)]
    for attachments in (odd[:3], odd[3:], [1, "x", None], {"upload_intent_id": GOOD}, "x", None):
        text = body(record(_attachments=attachments))
        assert upload_ids_in(parse_each(text, MediaType.JSON, LIMITS), LIMITS) == set()


_NAMES = st.lists(st.sampled_from([None, GOOD, UNKNOWN, LATE]), max_size=4)


@given(st.lists(_NAMES, min_size=1, max_size=4))
@settings(deadline=None)
def test_each_record_is_refused_exactly_for_the_uploads_it_must_not_name(
    named: list[list[str | None]],
) -> None:
    text = body(*(record(*names) for names in named))
    submission = parse_each(text, MediaType.JSON, LIMITS)
    judgement = validate_records(submission, PROJECTS, LIMITS, BAD)
    refused = [
        index
        for index, names in enumerate(named)
        if not BAD.keys().isdisjoint(names) or len(names) > LIMITS.attachments_per_record
    ]
    assert sorted({error.index for error in judgement.errors}) == refused
    assert judgement.rejected == len(refused)
    expected = sum(name in BAD for names in named for name in names[:3])
    expected += sum(len(names) > LIMITS.attachments_per_record for names in named)
    assert judgement.total_errors == expected
