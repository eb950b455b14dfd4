"""A batch as clients see it, and the answers of the ingest endpoint."""

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from everlake.contract.errors import RecordError

PayloadFormat: TypeAlias = Literal["text", "audio", "video", "file"]


class BatchStatus(StrEnum):
    """Where a batch is; it only moves forward, save for a retry of ``FAILED``."""

    LANDING = "LANDING"
    LANDED = "LANDED"
    PROCESSING = "PROCESSING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


TERMINAL_STATUSES = (BatchStatus.COMPLETE, BatchStatus.FAILED)
"""Where a batch stays, unless it is retried."""


class DownloadStatus(StrEnum):
    """Progress of a batch's attachments."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    PARTIAL_FAILURE = "PARTIAL_FAILURE"
    FAILED = "FAILED"


class Receipt(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The 202 answer (with ``batchId``) or the 200 answer of a dry run (without)."""

    batchId: str | msgspec.UnsetType = msgspec.UNSET  # noqa: N815
    acceptedCount: int  # noqa: N815
    rejectedCount: int  # noqa: N815
    totalErrorCount: int  # noqa: N815
    errors: list[RecordError] | msgspec.UnsetType = msgspec.UNSET


class Batch(msgspec.Struct, omit_defaults=True):
    """One batch's status and counts. ``createdAt`` is Unix milliseconds."""

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
        """Whether nothing more becomes of it and its attachments, unless something is retried."""
        if self.status is not BatchStatus.COMPLETE:
            return self.status is BatchStatus.FAILED
        pending = (DownloadStatus.PENDING, DownloadStatus.IN_PROGRESS)
        return self.attachmentDownloadStatus not in pending


class BatchPage(msgspec.Struct):
    """One page of batches; ``nextCursor`` is null when there is no more."""

    batches: list[Batch]
    nextCursor: str | None  # noqa: N815
