"""Query parameters and request headers, one struct for each kind of request.

None stands for a parameter that is left out. The order of members is the order in which they are
validated.
"""

from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from everlake.contract.attachments import AttachmentStatus
from everlake.contract.batches import BatchStatus, PayloadFormat
from everlake.contract.envelope import Nature
from everlake.contract.limits import (
    DEFAULT_PAGE_SIZE,
    MAX_IDEMPOTENCY_KEY_LENGTH,
    MAX_QUERY_LENGTH,
    MAX_SOURCE_LENGTH,
)
from everlake.contract.types import (
    AttachmentId,
    BatchId,
    Cursor,
    EventTime,
    Id,
    PageSize,
    RecordId,
    RecordTypeName,
    UploadId,
)

Source: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_SOURCE_LENGTH)]


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of every list."""

    limit: PageSize = DEFAULT_PAGE_SIZE
    cursor: Cursor | None = None


class ListBatchesQuery(PageQuery, frozen=True, kw_only=True):
    """Parameters of ``GET /api/v1/ingest/batches``."""

    status: BatchStatus | None = None
    type: RecordTypeName | None = None
    source: Source | None = None


class ListBatchAttachmentsQuery(PageQuery, frozen=True, kw_only=True):
    """Parameters of ``GET /api/v1/ingest/batches/{batchId}/attachments``."""

    status: AttachmentStatus | None = None


class ListRecordsQuery(PageQuery, frozen=True, kw_only=True):
    """Parameters of ``GET /api/v1/records``."""

    batch: Id | None = None
    type: RecordTypeName | None = None
    source: Source | None = None
    project: Id | None = None
    product: Id | None = None
    nature: Nature | None = None
    tag: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    participant: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    thread: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    since: EventTime | None = None
    until: EventTime | None = None


class SearchQuery(PageQuery, frozen=True, kw_only=True):
    """Parameters of ``GET /api/v1/search``."""

    q: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_QUERY_LENGTH,
            extra={"required": "is required: the words to search for"},
        ),
    ]
    type: RecordTypeName | None = None
    source: Source | None = None
    project: Id | None = None
    product: Id | None = None
    since: EventTime | None = None
    until: EventTime | None = None


class ListProjectsQuery(PageQuery, frozen=True, kw_only=True):
    """Parameters of ``GET /api/v1/projects``."""

    product: Id | None = None


class IngestQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of ``POST /api/v1/ingest``."""

    dry_run: bool = False
    format: PayloadFormat | None = None


class IngestHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """Request headers of ``POST /api/v1/ingest``."""

    idempotency_key: (
        Annotated[str, Meta(min_length=1, max_length=MAX_IDEMPOTENCY_KEY_LENGTH)] | None
    ) = msgspec.field(name="Idempotency-Key", default=None)


class EventsHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """Request headers of ``GET /api/v1/ingest/batches/{batchId}/events``."""

    last_event_id: str | None = msgspec.field(name="Last-Event-ID", default=None)


class ContentHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """Request headers of ``GET /api/v1/attachments/{attachmentId}/content``."""

    range: str | None = msgspec.field(name="Range", default=None)
    if_range: str | None = msgspec.field(name="If-Range", default=None)
    if_none_match: str | None = msgspec.field(name="If-None-Match", default=None)


class PathParameters(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Every parameter that is part of a path."""

    batch_id: BatchId
    record_id: RecordId
    attachment_id: AttachmentId
    upload_id: UploadId
    part_number: Annotated[int, Meta(extra_json_schema={"minimum": 1})]


def query_parameters(query: msgspec.Struct) -> dict[str, str]:
    """Return the parameters of a query as text, without those that have their default."""
    values = ((field, getattr(query, field.name)) for field in msgspec.structs.fields(query))
    return {field.encode_name: _text_of(value) for field, value in values if value != field.default}


def given_type(declared: Any) -> Any:
    """Return the type that a member has when it is given: without ``None``."""
    if get_origin(declared) in {Union, UnionType}:
        (declared,) = (each for each in get_args(declared) if each is not NoneType)
    return declared


def choices_of(declared: Any) -> tuple[str, ...]:
    """Return the values that a type enumerates, in order of declaration; empty if it does not."""
    bare = get_args(declared)[0] if get_origin(declared) is Annotated else declared
    if get_origin(bare) is Literal:
        return get_args(bare)
    if isinstance(bare, type) and issubclass(bare, StrEnum):
        return tuple(member.value for member in bare)
    return ()


def _text_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)
