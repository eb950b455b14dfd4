"""Attachments on the wire. An extension: the contract itself only counts them per batch."""

from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType


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

    attachment_id: str
    batch_id: str
    record_id: str
    index: int
    type: str
    status: AttachmentStatus
    attempts: int
    filename: str | UnsetType = UNSET
    stated_size: int | UnsetType = UNSET
    stated_mime_type: str | UnsetType = UNSET
    upload_intent_id: str | UnsetType = msgspec.field(name="upload_intent_id", default=UNSET)
    size: int | UnsetType = UNSET
    mime_type: str | UnsetType = UNSET
    sha256: str | UnsetType = UNSET
    completed_at: int | UnsetType = UNSET
    next_attempt_at: int | UnsetType = UNSET
    error: AttachmentFault | UnsetType = UNSET
    text: TextProgress | UnsetType = UNSET


class AttachmentPage(msgspec.Struct, frozen=True, rename="camel"):
    """One page of a batch's attachments. ``nextCursor`` is null on the last page."""

    attachments: list[BatchAttachment]
    next_cursor: str | None


class Retried(msgspec.Struct, frozen=True, rename="camel"):
    """Number of failed downloads and of failed text extractions that were queued again."""

    retried: int
    texts_retried: int
