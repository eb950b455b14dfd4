"""Query parameters and request headers."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.datastructures import Headers

from everlake.api.query import parse_parameters
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.batches import BatchStatus
from everlake.contract.endpoints import ENDPOINTS
from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.queries import (
    ContentHeaders,
    EventsHeaders,
    IngestHeaders,
    IngestQuery,
    ListBatchAttachmentsQuery,
    ListBatchesQuery,
    ListProjectsQuery,
    ListRecordsQuery,
    PageQuery,
    SearchQuery,
    query_parameters,
)

RECORD_TYPES = (
    "email, email_thread, call, call_transcription, meeting_notes, conversation, message, "
    "document or spreadsheet"
)


def refusal(kind: type[msgspec.Struct], values: dict[str, str]) -> str:
    with pytest.raises(WireError) as error:
        parse_parameters(kind, values)
    assert error.value.code is ErrorCode.INVALID_PARAMETER
    return error.value.message


@given(st.integers(1, 100))
def test_a_limit_is_a_whole_number_from_1_to_100(number: int) -> None:
    assert parse_parameters(PageQuery, {"limit": str(number)}).limit == number


def test_a_limit_is_20_where_none_is_given() -> None:
    assert parse_parameters(PageQuery, {}) == PageQuery(limit=20, cursor=None)


@pytest.mark.parametrize(
    "text", ["", "0", "101", "-1", "+1", "1.0", " 1", "1 ", "1e1", "٣", "²", "9" * 5_000, "ten"]
)
def test_any_other_limit_is_refused(text: str) -> None:
    assert refusal(PageQuery, {"limit": text}) == "limit must be a whole number from 1 to 100."


@pytest.mark.parametrize("text", ["", "True", "1", "yes", " true"])
def test_a_flag_is_true_or_false_and_nothing_else(text: str) -> None:
    assert parse_parameters(IngestQuery, {"dry_run": "true"}).dry_run
    assert not parse_parameters(IngestQuery, {"dry_run": "false"}).dry_run
    assert not parse_parameters(IngestQuery, {}).dry_run
    assert refusal(IngestQuery, {"dry_run": text}) == "dry_run must be true or false."


@pytest.mark.parametrize(
    ("kind", "name", "choices"),
    [
        (IngestQuery, "format", "text, audio, video or file"),
        (ListBatchesQuery, "status", "LANDING, LANDED, PROCESSING, COMPLETE or FAILED"),
        (ListBatchesQuery, "type", RECORD_TYPES),
        (ListBatchAttachmentsQuery, "status", "PENDING, IN_PROGRESS, COMPLETE or FAILED"),
        (ListRecordsQuery, "type", RECORD_TYPES),
        (ListRecordsQuery, "nature", "evidence, guidance or context"),
        (SearchQuery, "type", RECORD_TYPES),
    ],
)
def test_a_choice_is_one_of_its_values(kind: type[msgspec.Struct], name: str, choices: str) -> None:
    others = {"q": "words"} if kind is SearchQuery else {}
    for choice in choices.replace(" or ", ", ").split(", "):
        parsed = parse_parameters(kind, {**others, name: choice})
        assert getattr(parsed, name) == choice
    assert getattr(parse_parameters(kind, others), name) is None
    for text in ("", choices.partition(",")[0].swapcase(), "fax"):
        assert refusal(kind, {**others, name: text}) == f"{name} must be {choices}."


def test_a_status_is_a_member_of_its_enumeration() -> None:
    assert parse_parameters(ListBatchesQuery, {"status": "LANDED"}).status is BatchStatus.LANDED
    parsed = parse_parameters(ListBatchAttachmentsQuery, {"status": "FAILED"})
    assert parsed.status is AttachmentStatus.FAILED


@pytest.mark.parametrize(
    ("kind", "name", "most"),
    [
        (ListBatchesQuery, "source", 64),
        (ListRecordsQuery, "batch", 128),
        (ListRecordsQuery, "source", 64),
        (ListRecordsQuery, "project", 128),
        (ListRecordsQuery, "product", 128),
        (ListRecordsQuery, "tag", 64),
        (ListRecordsQuery, "participant", 256),
        (ListRecordsQuery, "thread", 512),
        (ListProjectsQuery, "product", 128),
        (SearchQuery, "q", 1_000),
        (SearchQuery, "project", 128),
        (SearchQuery, "product", 128),
        (SearchQuery, "source", 64),
    ],
)
def test_a_text_has_1_to_its_most_characters(
    kind: type[msgspec.Struct], name: str, most: int
) -> None:
    others = {"q": "words"} if kind is SearchQuery else {}
    longest = "😀" * most
    assert getattr(parse_parameters(kind, {**others, name: longest}), name) == longest
    for text in ("", "x" * (most + 1)):
        message = f"{name} must have 1 to {most:,} characters."
        assert refusal(kind, {**others, name: text}) == message


@pytest.mark.parametrize("kind", [ListRecordsQuery, SearchQuery])
@pytest.mark.parametrize("name", ["since", "until"])
def test_a_moment_has_the_form_of_event_times(kind: type[msgspec.Struct], name: str) -> None:
    others = {"q": "words"} if kind is SearchQuery else {}
    parsed = parse_parameters(kind, {**others, name: "2026-03-01T10:00:00.5Z"})
    assert getattr(parsed, name) == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert getattr(parse_parameters(kind, others), name) is None
    for text in ("", "2026-03-01", "2026-03-01T10:00:00+00:00", "2026-02-30T10:00:00Z"):
        assert refusal(kind, {**others, name: text}) == (
            f"{name} must be a UTC time such as 2026-03-01T00:00:00Z."
        )


def test_a_search_needs_words_and_says_so_first() -> None:
    message = "q is required: the words to search for."
    assert refusal(SearchQuery, {}) == message
    assert refusal(SearchQuery, {"limit": "0"}) == message


def test_header_names_have_no_case() -> None:
    headers = Headers({"idempotency-key": "k", "LAST-EVENT-ID": "e", "if-range": "r"})
    assert parse_parameters(IngestHeaders, headers).idempotency_key == "k"
    assert parse_parameters(EventsHeaders, headers).last_event_id == "e"
    assert parse_parameters(ContentHeaders, headers) == ContentHeaders(if_range="r")


@pytest.mark.parametrize("text", ["", "x" * 257])
def test_an_idempotency_key_has_1_to_256_characters(text: str) -> None:
    assert parse_parameters(IngestHeaders, {"Idempotency-Key": "x" * 256}).idempotency_key
    assert refusal(IngestHeaders, {"Idempotency-Key": text}) == (
        "Idempotency-Key must have 1 to 256 characters."
    )


def test_a_cursor_and_unknown_parameters_are_left_alone() -> None:
    values = {"cursor": "", "Limit": "x", "offset": "-1"}
    assert parse_parameters(PageQuery, values) == PageQuery(cursor="")


@pytest.mark.parametrize("kind", dict.fromkeys(each.query for each in ENDPOINTS if each.query))
def test_what_a_client_writes_is_what_the_server_reads(kind: type[msgspec.Struct]) -> None:
    values: dict[str, Any] = {
        "limit": 7,
        "cursor": "c",
        "status": "LANDED" if kind is ListBatchesQuery else "FAILED",
        "type": "email",
        "since": datetime(2026, 3, 1, 10, tzinfo=UTC),
        "until": datetime(2026, 3, 1, 10, 0, 1, tzinfo=UTC),
        "nature": "context",
        "format": "audio",
        "dry_run": True,
    }
    names = [field.name for field in msgspec.structs.fields(kind)]
    given_values = {name: values.get(name, "text") for name in names}
    query = msgspec.convert(given_values, kind)
    assert parse_parameters(kind, query_parameters(query)) == query


def test_a_default_is_not_written() -> None:
    assert query_parameters(PageQuery()) == {}
    assert query_parameters(IngestQuery(dry_run=True)) == {"dry_run": "true"}
