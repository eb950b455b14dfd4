"""Attachments on the wire. An extension: the contract itself only counts them per batch."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from everlake.contract.limits import MAX_PAGE_SIZE
from everlake.contract.types import (
    AttachmentId,
    BatchId,
    Count,
    NextCursor,
    Number64,
    RecordId,
    Sha256Hex,
)


class AttachmentStatus(StrEnum):
    """Status of an attachment's download."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


class TextStatus(StrEnum):
    """Status of an attachment's text. Search finds it once it is ``COMPLETE``."""

    PENDING = "PENDING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


class AttachmentFault(msgspec.Struct, frozen=True):
    """Reason why the last attempt failed: a code, and a message that says what to do."""

    code: str
    message: str


class TextProgress(msgspec.Struct, frozen=True, omit_defaults=True):
    """Progress of an attachment's text extraction."""

    status: TextStatus
    error: AttachmentFault | UnsetType = UNSET


class BatchAttachment(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"
):
    """One attachment of a batch. Sizes are in bytes, times in Unix milliseconds.

    ``index`` is its position in the record's ``_attachments``, from 0. ``size``, ``mime_type`` and
    ``sha256`` describe the stored content, ``stated_*`` what the record states.
    """

    attachment_id: AttachmentId
    batch_id: BatchId
    record_id: RecordId
    index: Count
    type: str
    status: AttachmentStatus
    attempts: Count
    filename: str | UnsetType = UNSET
    stated_size: Number64 | UnsetType = UNSET
    stated_mime_type: str | UnsetType = UNSET
    upload_intent_id: str | UnsetType = msgspec.field(name="upload_intent_id", default=UNSET)
    size: Number64 | UnsetType = UNSET
    mime_type: str | UnsetType = UNSET
    sha256: Sha256Hex | UnsetType = UNSET
    completed_at: Number64 | UnsetType = UNSET
    next_attempt_at: Number64 | UnsetType = UNSET
    error: AttachmentFault | UnsetType = UNSET
    text: TextProgress | UnsetType = UNSET


class AttachmentPage(msgspec.Struct, frozen=True, rename="camel"):
    """One page of a batch's attachments. ``nextCursor`` is null on the last page."""

    attachments: Annotated[
        list[BatchAttachment], Meta(extra_json_schema={"maxItems": MAX_PAGE_SIZE})
    ]
    next_cursor: NextCursor


class Retried(msgspec.Struct, frozen=True, rename="camel"):
    """Number of failed downloads and of failed text extractions that were queued again."""

    retried: Count
    texts_retried: Count
