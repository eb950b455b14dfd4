"""Types of members and parameters that several messages share.

Bounds of a request are ``Meta`` constraints, which the decoder enforces. Bounds of a response are
``extra_json_schema``: they are documented, but not enforced, so that encoding costs nothing and a
client accepts the responses of a newer server.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias, get_args

from msgspec import Meta

from everlake.contract.limits import (
    MAX_CURSOR_LENGTH,
    MAX_ID_LENGTH,
    MAX_PAGE_SIZE,
    MAX_UPLOAD_ID_LENGTH,
)

_YEAR = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAY = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_SECOND = f"(?:{_YEAR}-{_DAY}|{_LEAP_YEAR}-02-29)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
WHOLE_SECOND_PATTERN = f"^{_SECOND}Z$"
EVENT_AT_PATTERN = f"^{_SECOND}(?:\\.[0-9]{{1,3}})?Z$"
"""Exactly the times that the contract accepts, every one of them a date that exists.

No ``format: date-time`` is stated beside it: code generated from that writes offsets and
microseconds, which the contract rejects.
"""
RECORD_ID_PATTERN = "^[0-9a-f]{32}$"
SHA256_PATTERN = "^[0-9a-f]{64}$"
SLUG_PATTERN = "^[a-z0-9][a-z0-9_-]{0,63}$"

RecordTypeName: TypeAlias = Literal[
    "email",
    "email_thread",
    "call",
    "call_transcription",
    "meeting_notes",
    "conversation",
    "message",
    "document",
    "spreadsheet",
]


def _documented(**schema: Any) -> Meta:
    """Return metadata that is stated in the JSON schema and not enforced."""
    return Meta(extra_json_schema=schema)


# Requests

Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)]
PageSize: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_PAGE_SIZE)]
Cursor: TypeAlias = Annotated[str, _documented(maxLength=MAX_CURSOR_LENGTH)]
"""Documented only: a cursor is valid if it is empty, or this server made it: its codec checks."""
EventTime: TypeAlias = Annotated[datetime, _documented(maxLength=24, pattern=EVENT_AT_PATTERN)]
"""A UTC time in the form of ``_event_at``."""

# Responses

Count: TypeAlias = Annotated[int, _documented(minimum=0)]
PositiveCount: TypeAlias = Annotated[int, _documented(minimum=1)]
Number64: TypeAlias = Annotated[int, _documented(minimum=0, format="int64")]
"""An integer that needs 64 bits, such as Unix milliseconds or a number of bytes."""
_ShortId: TypeAlias = Annotated[str, _documented(minLength=1, maxLength=MAX_ID_LENGTH)]
BatchId: TypeAlias = _ShortId
AttachmentId: TypeAlias = _ShortId
ProductId: TypeAlias = _ShortId
ProjectId: TypeAlias = _ShortId
UploadId: TypeAlias = Annotated[str, _documented(minLength=1, maxLength=MAX_UPLOAD_ID_LENGTH)]
RecordId: TypeAlias = Annotated[str, _documented(pattern=RECORD_ID_PATTERN)]
RecordTypeText: TypeAlias = Annotated[str, _documented(enum=list(get_args(RecordTypeName)))]
Slug: TypeAlias = Annotated[str, _documented(pattern=SLUG_PATTERN)]
Sha256Hex: TypeAlias = Annotated[str, _documented(pattern=SHA256_PATTERN)]
WholeSecond: TypeAlias = Annotated[str, _documented(pattern=WHOLE_SECOND_PATTERN)]
NextCursor: TypeAlias = Annotated[str, _documented(minLength=1, maxLength=MAX_CURSOR_LENGTH)] | None
"""The cursor of the next page; null on the last page."""
