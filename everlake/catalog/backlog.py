"""How much of the queue waits, at a cost that has a bound."""

from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Label, ScalarSelect, func, select

from everlake.catalog.attachments import TextStage
from everlake.catalog.table_definitions import attachments, batches
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.batches import BatchStatus

COUNT_LIMIT = 100_000
"""Batches of a status are counted up to here: an index is read that far and no further."""

_CLAIMABLE = (BatchStatus.LANDING, BatchStatus.LANDED, BatchStatus.PROCESSING)
_COUNTED = (*_CLAIMABLE, BatchStatus.FAILED)

_UNREAD_TEXT_STATES = (TextStage.PENDING.value, TextStage.RECORDING.value, TextStage.READY.value)

_c = batches.c


class BatchBacklog(msgspec.Struct, frozen=True):
    """The batches in one status, of all workspaces.

    ``overdue_ms`` is how long the one that is due for longest could have been claimed: 0 where
    none is due, None in a status that nobody claims.
    """

    status: BatchStatus
    batches: int
    overdue_ms: int | None


def _count(status: BatchStatus) -> ScalarSelect[int]:
    # The order leads planners to the queue's index, which is read from its start to the limit.
    some = select(_c.due_at).where(_c.status == status).order_by(_c.due_at).limit(COUNT_LIMIT)
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


def _first_due(status: BatchStatus) -> ScalarSelect[int]:
    due = select(_c.due_at).where(_c.status == status).order_by(_c.due_at).limit(1)
    return due.scalar_subquery()


def _batch_columns() -> list[Label[int]]:
    return [
        *(_count(status).label(f"count_{status.lower()}") for status in _COUNTED),
        *(_first_due(status).label(f"due_{status.lower()}") for status in _CLAIMABLE),
    ]


def _count_attachments(column: Column[Any], *values: str) -> ScalarSelect[int]:
    some = select(attachments.c.id).where(column.in_(values)).limit(COUNT_LIMIT)
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


_BATCH_BACKLOG = select(*_batch_columns())
_ATTACHMENT_BACKLOG = select(
    _count_attachments(attachments.c.status, AttachmentStatus.PENDING.value).label("fetch"),
    _count_attachments(attachments.c.text_status, *_UNREAD_TEXT_STATES).label("read"),
)


class AttachmentBacklog(msgspec.Struct, frozen=True):
    """Attachments that are to be fetched and to be read, counted up to :data:`MOST`."""

    fetch: int
    read: int


def attachment_backlog(tx: Connection) -> AttachmentBacklog:
    """What waits of the attachments of all workspaces, due or not."""
    return AttachmentBacklog(**tx.execute(_ATTACHMENT_BACKLOG).mappings().one())


def batch_backlog(tx: Connection, *, now: int) -> list[BatchBacklog]:
    """Every status but ``COMPLETE``, whose batches only grow; ``now`` in Unix milliseconds."""
    row = tx.execute(_BATCH_BACKLOG).mappings().one()
    found: list[BatchBacklog] = []
    for status in _COUNTED:
        overdue = None
        if status in _CLAIMABLE:
            due = row[f"due_{status.lower()}"]
            overdue = 0 if due is None else max(0, now - due)
        found.append(BatchBacklog(status, row[f"count_{status.lower()}"], overdue))
    return found
