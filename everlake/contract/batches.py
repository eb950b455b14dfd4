"""Batches on the wire, and the responses of the ingest endpoint."""

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from everlake.contract.errors import RecordError

PayloadFormat: TypeAlias = Literal["text", "audio", "video", "file"]


class BatchStatus(StrEnum):
    """Status of a batch. It only moves forward, except when a ``FAILED`` batch is retried."""

    LANDING = "LANDING"
    LANDED = "LANDED"
    PROCESSING = "PROCESSING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


TERMINAL_STATUSES = (BatchStatus.COMPLETE, BatchStatus.FAILED)
"""Statuses that a batch keeps unless it is retried."""


class DownloadStatus(StrEnum):
    """Status of a batch's attachment downloads."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    PARTIAL_FAILURE = "PARTIAL_FAILURE"
    FAILED = "FAILED"


class Receipt(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Response to a submitted request: 202 with ``batchId``, 200 without it for a dry run."""

    batchId: str | msgspec.UnsetType = msgspec.UNSET  # noqa: N815
    acceptedCount: int  # noqa: N815
    rejectedCount: int  # noqa: N815
    totalErrorCount: int  # noqa: N815
    errors: list[RecordError] | msgspec.UnsetType = msgspec.UNSET


class Batch(msgspec.Struct, omit_defaults=True):
    """Status and counts of one batch. ``createdAt`` is in Unix milliseconds."""

    batchId: str  # noqa: N815
    status: BatchStatus
    createdAt: int  # noqa: N815
    acceptedCount: int  # noqa: N815
    rejectedCount: int  # noqa: N815
    totalErrorCount: int  # noqa: N815
    errors: list[RecordError] | msgspec.UnsetType = msgspec.UNSET
    source: str | msgspec.UnsetType = msgspec.UNSET
    type: str | msgspec.UnsetType = msgspec.UNSET
    attachmentDownloadTotal: int | msgspec.UnsetType = msgspec.UNSET  # noqa: N815
    attachmentDownloadComplete: int | msgspec.UnsetType = msgspec.UNSET  # noqa: N815
    attachmentDownloadFailed: int | msgspec.UnsetType = msgspec.UNSET  # noqa: N815
    attachmentDownloadStatus: DownloadStatus | msgspec.UnsetType = msgspec.UNSET  # noqa: N815

    @property
    def is_settled(self) -> bool:
        """Whether the batch and its attachments change no more, unless they are retried."""
        if self.status is not BatchStatus.COMPLETE:
            return self.status is BatchStatus.FAILED
        pending = (DownloadStatus.PENDING, DownloadStatus.IN_PROGRESS)
        return self.attachmentDownloadStatus not in pending


class BatchPage(msgspec.Struct):
    """One page of batches. ``nextCursor`` is null on the last page."""

    batches: list[Batch]
    nextCursor: str | None  # noqa: N815
