"""Parameters of the URL and the headers, as components that operations refer to."""

from typing import Any, get_args

from everlake.api.openapi import examples
from everlake.api.openapi.schema_builders import (
    DEFAULT_PAGE_SIZE,
    EVENT_AT_PATTERN,
    MAX_CURSOR_LENGTH,
    MAX_PAGE_SIZE,
    RECORD_ID_PATTERN,
    enum_schema,
    text_schema,
)
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.batches import BatchStatus, PayloadFormat
from everlake.contract.envelope import RECORD_TYPES, Nature

_NATURES: tuple[str, ...] = get_args(get_args(Nature)[0])
_STATUSES = tuple(str(status) for status in BatchStatus)
_ATTACHMENT_STATUSES = tuple(str(status) for status in AttachmentStatus)
_FORMATS: tuple[str, ...] = get_args(PayloadFormat)

MAX_IDEMPOTENCY_KEY_LENGTH = 256
MAX_QUERY_LENGTH = 1_000


def component_parameters() -> dict[str, Any]:
    """All component parameters by the name that :func:`parameter_refs` takes."""
    time = {"type": "string", "maxLength": 24, "pattern": EVENT_AT_PATTERN}
    return {
        "format": _query_parameter(
            "format", enum_schema(_FORMATS), "A hint at what the records came from."
        ),
        "dry_run": _query_parameter(
            "dry_run",
            {"type": "boolean", "default": False},
            "`true`: judge everything, store nothing, and answer 200 with the counts and errors.",
        ),
        "idempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "schema": text_schema(MAX_IDEMPOTENCY_KEY_LENGTH),
            "description": (
                "A name for this submission within the workspace. The same key with the same "
                "bytes gets the first 202 again and nothing is processed; the same key with "
                "other bytes is refused. Only a 202 is remembered, for at least 24 hours; a dry "
                "run takes no notice of it."
            ),
        },
        "batchId": _path_parameter(
            "batchId", text_schema(128), "The batch's id.", examples.BATCH_ID
        ),
        "lastEventId": {
            "name": "Last-Event-ID",
            "in": "header",
            "schema": {"type": "string"},
            "description": (
                "The `id` of the last event that was seen. One that this server did not make is "
                "taken for none."
            ),
        },
        "recordId": _path_parameter(
            "recordId",
            {"type": "string", "pattern": RECORD_ID_PATTERN},
            "The record's id: 32 hexadecimal digits in lower case.",
            examples.RECORD_ID,
        ),
        "attachmentId": _path_parameter(
            "attachmentId", text_schema(256), "The attachment's id.", examples.ATTACHMENT_ID
        ),
        "uploadId": _path_parameter(
            "uploadId", text_schema(256), "The upload's `upload_intent_id`.", examples.UPLOAD_ID
        ),
        "partNumber": _path_parameter(
            "partNumber",
            {"type": "integer", "minimum": 1},
            "Which part it is, from 1.",
            1,
        ),
        "range": _header_parameter(
            "Range", "Which bytes to send, such as `bytes=0-1048575` (RFC 9110, 14.2)."
        ),
        "ifRange": _header_parameter(
            "If-Range", "The `ETag` that `Range` goes with; with any other all of it is sent."
        ),
        "ifNoneMatch": _header_parameter(
            "If-None-Match", "The `ETag` of what you have: a 304 says that it is the same."
        ),
        "limit": _query_parameter(
            "limit",
            {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_PAGE_SIZE,
                "default": DEFAULT_PAGE_SIZE,
            },
            "How many items a page holds at most.",
        ),
        "cursor": _query_parameter(
            "cursor",
            text_schema(MAX_CURSOR_LENGTH),
            "`nextCursor` of the page before. It is opaque, goes with the same filters, and one "
            "that this server did not make is refused.",
        ),
        "q": {
            **_query_parameter("q", text_schema(MAX_QUERY_LENGTH), "What to look for."),
            "required": True,
            "example": "export stops",
        },
        "status": _query_parameter(
            "status", enum_schema(_STATUSES), "Only batches in this status."
        ),
        "attachmentStatus": _query_parameter(
            "status", enum_schema(_ATTACHMENT_STATUSES), "Only attachments in this status."
        ),
        "batch": _query_parameter(
            "batch",
            text_schema(128),
            "Only records whose latest version is from the batch with this id.",
        ),
        "type": _query_parameter("type", enum_schema(RECORD_TYPES), "Only this `_type`."),
        "source": _query_parameter(
            "source", text_schema(64), "Only what keys of this source sent."
        ),
        "project": _query_parameter(
            "project", text_schema(128), "Only what belongs to the project with this id."
        ),
        "product": _query_parameter(
            "product", text_schema(128), "Only what belongs to the product with this id."
        ),
        "nature": _query_parameter(
            "nature",
            enum_schema(_NATURES),
            "Only this `_nature`; without one a record is `evidence`.",
        ),
        "tag": _query_parameter("tag", text_schema(64), "Only records with this tag in `_tags`."),
        "participant": _query_parameter(
            "participant",
            text_schema(256),
            "Only records with a participant of this `id`, or of this `email` in any case.",
        ),
        "thread": _query_parameter(
            "thread", text_schema(512), "Only records with this `_thread_id`."
        ),
        "since": _query_parameter("since", time, "Only events at or after this time (UTC)."),
        "until": _query_parameter("until", time, "Only events before this time (UTC)."),
    }


def parameter_refs(*names: str) -> list[dict[str, Any]]:
    """References to the component parameters ``names``."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _query_parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _header_parameter(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string"}, "description": description}


def _path_parameter(
    name: str, schema: dict[str, Any], description: str, example: str | int
) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": schema,
        "description": description,
        "example": example,
    }
