"""Batch events: the changes of a batch since an earlier state, derived from its row.

Changes are not logged. A batch only moves forward (:mod:`everlake.catalog.batch_queue`), and its
row has the times of some steps, so the statuses between two reads can be derived. The counts of
attachments are those of the later read. A failure is not reported when the batch was retried
before the later read.
"""

import re
from collections.abc import Iterator

import msgspec

from everlake.contract.batches import Batch, BatchStatus
from everlake.model.batches import BatchRow

_STATUS_ORDER = (
    BatchStatus.LANDING,
    BatchStatus.LANDED,
    BatchStatus.PROCESSING,
    BatchStatus.COMPLETE,
)
_EVENT_ID = re.compile(r"([A-Z]{1,16})-(\d{1,9})-(\d{1,9})(\+?)(?:-(\d{1,15}))?", re.ASCII)


class EventId(msgspec.Struct, frozen=True):
    """Identifier of a state of a batch, the same in every process and at any time.

    Attributes:
        failed_at: time of the failure in Unix milliseconds, which distinguishes failures.
        attachments_begun: whether the download of any attachment has begun.
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
        """Return the event id that ``str()`` wrote as ``text``; None where it is malformed."""
        found = _EVENT_ID.fullmatch(text)
        if found is None or found[1] not in BatchStatus.__members__:
            return None
        failed_at = None if found[5] is None else int(found[5])
        begun = bool(found[4])
        return cls(BatchStatus(found[1]), int(found[2]), int(found[3]), failed_at, begun)


class BatchEvent(msgspec.Struct, frozen=True):
    """A batch after a change, and the id of that state."""

    event_id: EventId
    batch: Batch


def events_since(row: BatchRow, after: EventId | None = None) -> Iterator[BatchEvent]:
    """Yield the changes of the batch since ``after``, up to its current state.

    Without ``after`` only the current state is yielded.
    """
    if after == _event_id(row, row.status):
        return
    for status in [row.status] if after is None else _statuses_since(row, after):
        batch = row.view()
        batch.status = status
        yield BatchEvent(_event_id(row, status), batch)


def _event_id(row: BatchRow, status: BatchStatus) -> EventId:
    # A failed batch is due since the time of its failure.
    failed_at = row.due_at if status is BatchStatus.FAILED else None
    begun = row.attachment_begun_at is not None
    return EventId(status, row.attachment_complete, row.attachment_failed, failed_at, begun)


def _statuses_since(row: BatchRow, after: EventId) -> list[BatchStatus]:
    """Return the statuses after ``after``, always with the current one."""
    history = _status_history(row)
    if after.failed_at is not None and after.failed_at != _event_id(row, row.status).failed_at:
        had_landed = row.landed_at is not None and row.landed_at <= after.failed_at
        start = BatchStatus.LANDED if had_landed else BatchStatus.LANDING
        return history[history.index(start) :] if start in history else history[-1:]
    if after.status in history[:-1]:
        return history[history.index(after.status) + 1 :]
    return history[-1:]


def _status_history(row: BatchRow) -> list[BatchStatus]:
    """Return the statuses that a batch without retries has had, up to its current one."""
    if row.status is not BatchStatus.FAILED:
        return [*_STATUS_ORDER[: _STATUS_ORDER.index(row.status) + 1]]
    if not row.accepted:
        return [BatchStatus.FAILED]
    # A landed batch is set to PROCESSING before it can fail.
    return [*_STATUS_ORDER[: 1 if row.landed_at is None else 3], BatchStatus.FAILED]
