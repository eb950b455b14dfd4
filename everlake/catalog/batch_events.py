"""The way of a batch: which statuses and counts it has had since somebody last looked.

Only a batch's row is stored, and no log of its changes. A batch goes one way
(:mod:`everlake.catalog.batch_queue`), and the row has the times of some of the steps, so that the
statuses that were passed between two looks can be told afterwards. Counts of attachments are
those of the later look. Of a batch that failed and was retried between two looks, that it had
failed is not told.
"""

import re
from collections.abc import Iterator

import msgspec

from everlake.catalog.batches import BatchRow
from everlake.contract.batches import Batch, BatchStatus

_STATUS_ORDER = (
    BatchStatus.LANDING,
    BatchStatus.LANDED,
    BatchStatus.PROCESSING,
    BatchStatus.COMPLETE,
)
_EVENT_ID = re.compile(r"([A-Z]{1,16})-(\d{1,9})-(\d{1,9})(\+?)(?:-(\d{1,15}))?", re.ASCII)


class EventId(msgspec.Struct, frozen=True):
    """One state of a batch, the same in every process and for all time.

    ``failed_at`` (Unix milliseconds) tells one failure of a batch from the next;
    ``attachments_begun`` says whether any was taken up.
    """

    status: BatchStatus
    attachments_complete: int
    attachments_failed: int
    failed_at: int | None = None
    attachments_begun: bool = False

    def __str__(self) -> str:
        text = f"{self.status}-{self.attachments_complete}-{self.attachments_failed}"
        text += "+" if self.attachments_begun else ""
        return text if self.failed_at is None else f"{text}-{self.failed_at}"

    @classmethod
    def parse(cls, text: str) -> "EventId | None":
        """The mark that was written as ``text``; None where it is none."""
        found = _EVENT_ID.fullmatch(text)
        if found is None or found[1] not in BatchStatus.__members__:
            return None
        failed_at = None if found[5] is None else int(found[5])
        begun = bool(found[4])
        return cls(BatchStatus(found[1]), int(found[2]), int(found[3]), failed_at, begun)


class BatchEvent(msgspec.Struct, frozen=True):
    """The batch as it was once it had changed, and the mark of that."""

    event_id: EventId
    batch: Batch


def events_since(row: BatchRow, after: EventId | None = None) -> Iterator[BatchEvent]:
    """What has become of the batch since ``after``, up to what it is now.

    Without ``after`` that is what it is now, and nothing before it.
    """
    if after == _event_id(row, row.status):
        return
    for status in [row.status] if after is None else _statuses_since(row, after):
        batch = row.view()
        batch.status = status
        yield BatchEvent(_event_id(row, status), batch)


def _event_id(row: BatchRow, status: BatchStatus) -> EventId:
    # A failed batch keeps the time at which its worker let go of it.
    failed_at = row.due_at if status is BatchStatus.FAILED else None
    begun = row.attachment_begun_at is not None
    return EventId(status, row.attachment_complete, row.attachment_failed, failed_at, begun)


def _statuses_since(row: BatchRow, after: EventId) -> list[BatchStatus]:
    """Those that came after ``after``; that of now in any case."""
    way = _status_history(row)
    if after.failed_at is not None and after.failed_at != _event_id(row, row.status).failed_at:
        had_landed = row.landed_at is not None and row.landed_at <= after.failed_at
        start = BatchStatus.LANDED if had_landed else BatchStatus.LANDING
        return way[way.index(start) :] if start in way else way[-1:]
    if after.status in way[:-1]:
        return way[way.index(after.status) + 1 :]
    return way[-1:]


def _status_history(row: BatchRow) -> list[BatchStatus]:
    """The statuses of a batch that got where it is without a retry."""
    if row.status is not BatchStatus.FAILED:
        return [*_STATUS_ORDER[: _STATUS_ORDER.index(row.status) + 1]]
    if not row.accepted:
        return [BatchStatus.FAILED]
    # Whoever works on a landed batch makes it PROCESSING first.
    return [*_STATUS_ORDER[: 1 if row.landed_at is None else 3], BatchStatus.FAILED]
