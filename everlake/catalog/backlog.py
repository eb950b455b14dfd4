"""Backlog: how much work waits in each queue, counted up to a limit."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Label, ScalarSelect, Select, func, select

from everlake.catalog.jobs import JobState
from everlake.catalog.table_definitions import attachments, batches, jobs
from everlake.catalog.texts import JOB_KINDS
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.batches import BatchStatus

COUNT_LIMIT = 100_000
"""Highest count: an index is read that far and no further."""

_CLAIMABLE = (BatchStatus.LANDING, BatchStatus.LANDED, BatchStatus.PROCESSING)
_COUNTED = (*_CLAIMABLE, BatchStatus.FAILED)

_c = batches.c


class BatchBacklog(msgspec.Struct, frozen=True):
    """The batches in one status, of all workspaces.

    Attributes:
        batches: their number, up to :data:`COUNT_LIMIT`.
        overdue_ms: milliseconds since the first of them could have been claimed; 0 if none is
            due, None in a status that is not claimed.
    """

    status: BatchStatus
    batches: int
    overdue_ms: int | None


def _count_up_to_limit(some: Select[Any]) -> ScalarSelect[int]:
    limited = some.limit(COUNT_LIMIT).subquery()
    return select(func.count()).select_from(limited).scalar_subquery()


def _count_batches(status: BatchStatus) -> ScalarSelect[int]:
    # The order makes planners use the queue's index, which is read from its start to the limit.
    return _count_up_to_limit(select(_c.due_at).where(_c.status == status).order_by(_c.due_at))


def _first_due(status: BatchStatus) -> ScalarSelect[int]:
    due = select(_c.due_at).where(_c.status == status).order_by(_c.due_at).limit(1)
    return due.scalar_subquery()


def _batch_columns() -> list[Label[int]]:
    return [
        *(_count_batches(status).label(f"count_{status.lower()}") for status in _COUNTED),
        *(_first_due(status).label(f"due_{status.lower()}") for status in _CLAIMABLE),
    ]


_BATCH_BACKLOG = select(*_batch_columns())
_ATTACHMENT_BACKLOG = select(
    _count_up_to_limit(
        select(attachments.c.id).where(attachments.c.status == AttachmentStatus.PENDING.value)
    ).label("fetch"),
    _count_up_to_limit(
        select(jobs.c.subject).where(
            jobs.c.kind.in_([kind.value for kind in JOB_KINDS.values()]),
            jobs.c.state == JobState.PENDING.value,
        )
    ).label("read"),
)


class AttachmentBacklog(msgspec.Struct, frozen=True):
    """Attachments of all workspaces with work to do, counted up to :data:`COUNT_LIMIT`.

    Attributes:
        fetch: whose content is to be fetched.
        read: whose text is to be extracted, transcribed or indexed.
    """

    fetch: int
    read: int


def attachment_backlog(tx: Connection) -> AttachmentBacklog:
    """Count the attachments that wait, due or not."""
    return AttachmentBacklog(**tx.execute(_ATTACHMENT_BACKLOG).mappings().one())


def batch_backlog(tx: Connection, *, now: int) -> list[BatchBacklog]:
    """Return the backlog of each status but ``COMPLETE``, whose batches are not worked on.

    Args:
        now: Unix milliseconds.
    """
    row = tx.execute(_BATCH_BACKLOG).mappings().one()
    found: list[BatchBacklog] = []
    for status in _COUNTED:
        overdue = None
        if status in _CLAIMABLE:
            due = row[f"due_{status.lower()}"]
            overdue = 0 if due is None else max(0, now - due)
        found.append(BatchBacklog(status, row[f"count_{status.lower()}"], overdue))
    return found
