"""One attachment as clients see it (ours; the contract has a batch's counts of them)."""

from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType


class AttachmentStatus(StrEnum):
    """Where the content of an attachment is."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


class TextStatus(StrEnum):
    """Where the text of an attachment is; ``COMPLETE`` is found by search."""

    PENDING = "PENDING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


class AttachmentFault(msgspec.Struct, frozen=True):
    """Why the last try failed: a code, and a sentence that says what to do."""

    code: str
    message: str


class TextProgress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the text of an attachment is."""

    status: TextStatus
    error: AttachmentFault | UnsetType = UNSET


class BatchAttachment(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"
):
    """One attachment. Sizes are in bytes, times Unix milliseconds.

    ``index`` is its place in the record's ``_attachments``, from 0. ``size``, ``mime_type`` and
    ``sha256`` are those of the content that was stored, ``stated_*`` what the record says.
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
    """One page of a batch's attachments; ``nextCursor`` is null when there is no more."""

    attachments: list[BatchAttachment]
    next_cursor: str | None


class Retried(msgspec.Struct, frozen=True, rename="camel"):
    """How many failed attachments are fetched again, and how many files are read again."""

    retried: int
    texts_retried: int
