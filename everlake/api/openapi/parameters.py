"""Parameters of the URL and the headers, as components that operations refer to."""

from typing import Any, get_args

from everlake.api.openapi import examples
from everlake.api.openapi.vocabulary import (
    EVENT_AT,
    MAX_CURSOR,
    MAX_PAGE,
    PAGE,
    RECORD_ID,
    one_of,
    text,
)
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.batch import BatchStatus, PayloadFormat
from everlake.contract.envelope import RECORD_TYPES, Nature

_NATURES: tuple[str, ...] = get_args(get_args(Nature)[0])
_STATUSES = tuple(str(status) for status in BatchStatus)
_ATTACHMENT_STATUSES = tuple(str(status) for status in AttachmentStatus)
_FORMATS: tuple[str, ...] = get_args(PayloadFormat)

MAX_IDEMPOTENCY_KEY = 256
MAX_QUERY = 1_000


def parameters() -> dict[str, Any]:
    """All component parameters by the name that :func:`parameter_refs` takes."""
    time = {"type": "string", "maxLength": 24, "pattern": EVENT_AT}
    return {
        "format": _query("format", one_of(_FORMATS), "A hint at what the records came from."),
        "dry_run": _query(
            "dry_run",
            {"type": "boolean", "default": False},
            "`true`: judge everything, store nothing, and answer 200 with the counts and errors.",
        ),
        "idempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "schema": text(MAX_IDEMPOTENCY_KEY),
            "description": (
                "A name for this submission within the workspace. The same key with the same "
                "bytes gets the first 202 again and nothing is processed; the same key with "
                "other bytes is refused. Only a 202 is remembered, for at least 24 hours; a dry "
                "run takes no notice of it."
            ),
        },
        "batchId": _path("batchId", text(128), "The batch's id.", examples.BATCH_ID),
        "lastEventId": {
            "name": "Last-Event-ID",
            "in": "header",
            "schema": {"type": "string"},
            "description": (
                "The `id` of the last event that was seen. One that this server did not make is "
                "taken for none."
            ),
        },
        "recordId": _path(
            "recordId",
            {"type": "string", "pattern": RECORD_ID},
            "The record's id: 32 hexadecimal digits in lower case.",
            examples.RECORD_ID,
        ),
        "attachmentId": _path(
            "attachmentId", text(256), "The attachment's id.", examples.ATTACHMENT_ID
        ),
        "uploadId": _path(
            "uploadId", text(256), "The upload's `upload_intent_id`.", examples.UPLOAD_ID
        ),
        "partNumber": _path(
            "partNumber",
            {"type": "integer", "minimum": 1},
            "Which part it is, from 1.",
            1,
        ),
        "range": _header(
            "Range", "Which bytes to send, such as `bytes=0-1048575` (RFC 9110, 14.2)."
        ),
        "ifRange": _header(
            "If-Range", "The `ETag` that `Range` goes with; with any other all of it is sent."
        ),
        "ifNoneMatch": _header(
            "If-None-Match", "The `ETag` of what you have: a 304 says that it is the same."
        ),
        "limit": _query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE},
            "How many items a page holds at most.",
        ),
        "cursor": _query(
            "cursor",
            text(MAX_CURSOR),
            "`nextCursor` of the page before. It is opaque, goes with the same filters, and one "
            "that this server did not make is refused.",
        ),
        "q": {
            **_query("q", text(MAX_QUERY), "What to look for."),
            "required": True,
            "example": "export stops",
        },
        "status": _query("status", one_of(_STATUSES), "Only batches in this status."),
        "attachmentStatus": _query(
            "status", one_of(_ATTACHMENT_STATUSES), "Only attachments in this status."
        ),
        "batch": _query(
            "batch", text(128), "Only records whose latest version is from the batch with this id."
        ),
        "type": _query("type", one_of(RECORD_TYPES), "Only this `_type`."),
        "source": _query("source", text(64), "Only what keys of this source sent."),
        "project": _query("project", text(128), "Only what belongs to the project with this id."),
        "product": _query("product", text(128), "Only what belongs to the product with this id."),
        "nature": _query(
            "nature", one_of(_NATURES), "Only this `_nature`; without one a record is `evidence`."
        ),
        "tag": _query("tag", text(64), "Only records with this tag in `_tags`."),
        "participant": _query(
            "participant",
            text(256),
            "Only records with a participant of this `id`, or of this `email` in any case.",
        ),
        "thread": _query("thread", text(512), "Only records with this `_thread_id`."),
        "since": _query("since", time, "Only events at or after this time (UTC)."),
        "until": _query("until", time, "Only events before this time (UTC)."),
    }


def parameter_refs(*names: str) -> list[dict[str, Any]]:
    """References to the component parameters ``names``."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string"}, "description": description}


def _path(
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
