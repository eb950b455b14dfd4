"""Batches as the catalog stores them."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from everlake.contract.batches import Batch, BatchStatus, DownloadStatus, PayloadFormat
from everlake.contract.errors import RecordError


class NewBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A new batch: ``LANDING``, or ``FAILED`` when every record was rejected.

    Attributes:
        created_at: Unix milliseconds.
        accepted: number of accepted records.
        rejected: number of rejected records.
        errors: the first 20 of ``total_errors``.
        landing_bytes: size of the accepted records as lines, before compression.
        failure: why the batch failed.
        traceparent: span of its request, when that is traced (W3C Trace Context).
    """

    id: str
    workspace_id: str
    status: BatchStatus
    created_at: int
    key_id: str
    source: str
    type: str | None = None
    product_id: str | None = None
    payload_format: PayloadFormat | None = None
    accepted: int
    rejected: int
    total_errors: int
    errors: Sequence[RecordError] = ()
    landing_path: str | None = None
    landing_bytes: int = 0
    rejected_path: str | None = None
    attachment_total: int = 0
    failure: str | None = None
    traceparent: str | None = None


class BatchRow(NewBatch, frozen=True, kw_only=True):
    """A stored batch. Times are Unix milliseconds.

    Attributes:
        sequence: number of the batch in its workspace, from 1.
        rejected_path: object of the rejected records; None also when it was deleted.
        attachment_begun_at: when the download of its first attachment began.
        due_at: when it may be claimed: the end of its lease while ``lease_owner`` holds it, else
            the time of its next attempt.
        attempts: failed attempts since its last change of status.
        failure: why the last attempt failed.
    """

    sequence: int
    attachment_complete: int
    attachment_failed: int
    attachment_begun_at: int | None = None
    lease_owner: str | None
    due_at: int
    attempts: int
    landed_at: int | None
    completed_at: int | None

    @property
    def rejected_records_deleted(self) -> bool:
        """Whether it had rejected records whose object was deleted."""
        return bool(self.rejected) and self.rejected_path is None

    @property
    def is_settled(self) -> bool:
        """See :attr:`everlake.contract.batches.Batch.is_settled`."""
        return self.view().is_settled

    def view(self) -> Batch:
        """Return the batch as the API shows it (contract, A batch)."""
        batch = Batch(
            batchId=self.id,
            status=self.status,
            createdAt=self.created_at,
            acceptedCount=self.accepted,
            rejectedCount=self.rejected,
            totalErrorCount=self.total_errors,
            errors=list(self.errors) if self.errors else UNSET,
            source=self.source,
            type=UNSET if self.type is None else self.type,
        )
        if self.attachment_total:
            batch.attachmentDownloadTotal = self.attachment_total
            batch.attachmentDownloadComplete = self.attachment_complete
            batch.attachmentDownloadFailed = self.attachment_failed
            batch.attachmentDownloadStatus = self._download_status()
        return batch

    def _download_status(self) -> DownloadStatus:
        if self.attachment_complete + self.attachment_failed < self.attachment_total:
            settled = self.attachment_complete or self.attachment_failed
            begun = settled or self.attachment_begun_at is not None
            return DownloadStatus.IN_PROGRESS if begun else DownloadStatus.PENDING
        if not self.attachment_failed:
            return DownloadStatus.COMPLETE
        return DownloadStatus.PARTIAL_FAILURE if self.attachment_complete else DownloadStatus.FAILED
