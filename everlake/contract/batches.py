"""Batches on the wire, and the responses of the ingest endpoint."""

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from everlake.contract.errors import ErrorMessage, RecordError
from everlake.contract.limits import MAX_ERRORS_SHOWN, MAX_PAGE_SIZE
from everlake.contract.types import BatchId, Count, NextCursor, Number64, PositiveCount, Slug

PayloadFormat: TypeAlias = Literal["text", "audio", "video", "file"]
ShownErrors: TypeAlias = Annotated[
    list[RecordError], Meta(extra_json_schema={"minItems": 1, "maxItems": MAX_ERRORS_SHOWN})
]
"""The first errors of a request; ``totalErrorCount`` is the number of all of them."""


class BatchStatus(StrEnum):
    """Status of a batch. It only moves forward, except when a ``FAILED`` batch is retried."""

    LANDING = "LANDING"
    LANDED = "LANDED"
    PROCESSING = "PROCESSING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


TERMINAL_STATUSES = (BatchStatus.COMPLETE, BatchStatus.FAILED)
"""Statuses that a batch keeps unless it is retried."""

HEARTBEAT_SECONDS = 15.0
"""Interval of comments on a quiet event stream, so that no proxy closes it (WHATWG HTML, 9.2.7)."""


class DownloadStatus(StrEnum):
    """Status of a batch's attachment downloads."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    PARTIAL_FAILURE = "PARTIAL_FAILURE"
    FAILED = "FAILED"


class Receipt(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Response to a submitted request: 202 with ``batchId``, 200 without it for a dry run."""

    batchId: BatchId | UnsetType = UNSET  # noqa: N815
    acceptedCount: Count  # noqa: N815
    rejectedCount: Count  # noqa: N815
    totalErrorCount: Count  # noqa: N815
    errors: ShownErrors | UnsetType = UNSET


class RejectedBatch(msgspec.Struct, frozen=True):
    """A batch without an accepted record, as ``details`` of the error."""

    batchId: BatchId  # noqa: N815
    rejectedCount: PositiveCount  # noqa: N815
    totalErrorCount: PositiveCount  # noqa: N815
    errors: ShownErrors


class AllRecordsRejected(msgspec.Struct, frozen=True):
    """Error body of a request, or of a retry, whose records were all rejected."""

    error: Annotated[str, Meta(extra_json_schema={"const": "ALL_RECORDS_REJECTED"})]
    message: ErrorMessage
    details: RejectedBatch


class Batch(msgspec.Struct, omit_defaults=True):
    """Status and counts of one batch. ``createdAt`` is in Unix milliseconds."""

    batchId: BatchId  # noqa: N815
    status: BatchStatus
    createdAt: Number64  # noqa: N815
    acceptedCount: Count  # noqa: N815
    rejectedCount: Count  # noqa: N815
    totalErrorCount: Count  # noqa: N815
    errors: ShownErrors | UnsetType = UNSET
    source: Slug | UnsetType = UNSET
    type: str | UnsetType = UNSET
    attachmentDownloadTotal: PositiveCount | UnsetType = UNSET  # noqa: N815
    attachmentDownloadComplete: Count | UnsetType = UNSET  # noqa: N815
    attachmentDownloadFailed: Count | UnsetType = UNSET  # noqa: N815
    attachmentDownloadStatus: DownloadStatus | UnsetType = UNSET  # noqa: N815

    @property
    def is_settled(self) -> bool:
        """Whether the batch and its attachments change no more, unless they are retried."""
        if self.status is not BatchStatus.COMPLETE:
            return self.status is BatchStatus.FAILED
        pending = (DownloadStatus.PENDING, DownloadStatus.IN_PROGRESS)
        return self.attachmentDownloadStatus not in pending


class BatchPage(msgspec.Struct):
    """One page of batches. ``nextCursor`` is null on the last page."""

    batches: Annotated[list[Batch], Meta(extra_json_schema={"maxItems": MAX_PAGE_SIZE})]
    nextCursor: NextCursor  # noqa: N815
