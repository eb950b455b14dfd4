"""How much of the queue waits, at a cost that has a bound."""

from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Label, ScalarSelect, func, select

from everlake.catalog.attachments import TextState
from everlake.catalog.tables import attachments, batches
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.batch import BatchStatus

MOST = 100_000
"""Batches of a status are counted up to here: an index is read that far and no further."""

_WORKED_ON = (BatchStatus.LANDING, BatchStatus.LANDED, BatchStatus.PROCESSING)
_COUNTED = (*_WORKED_ON, BatchStatus.FAILED)

_TO_BE_READ = (TextState.PENDING.value, TextState.RECORDING.value, TextState.READY.value)

_c = batches.c


class Waiting(msgspec.Struct, frozen=True):
    """The batches in one status, of all workspaces.

    ``overdue_ms`` is how long the one that is due for longest could have been claimed: 0 where
    none is due, None in a status that nobody claims.
    """

    status: BatchStatus
    batches: int
    overdue_ms: int | None


def _count(status: BatchStatus) -> ScalarSelect[int]:
    # The order leads planners to the queue's index, which is read from its start to the limit.
    some = select(_c.due_at).where(_c.status == status).order_by(_c.due_at).limit(MOST)
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


def _first_due(status: BatchStatus) -> ScalarSelect[int]:
    due = select(_c.due_at).where(_c.status == status).order_by(_c.due_at).limit(1)
    return due.scalar_subquery()


def _columns() -> list[Label[int]]:
    return [
        *(_count(status).label(f"count_{status.lower()}") for status in _COUNTED),
        *(_first_due(status).label(f"due_{status.lower()}") for status in _WORKED_ON),
    ]


def _count_files(column: Column[Any], *values: str) -> ScalarSelect[int]:
    some = select(attachments.c.id).where(column.in_(values)).limit(MOST)
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


_WAITING = select(*_columns())
_WAITING_FILES = select(
    _count_files(attachments.c.status, AttachmentStatus.PENDING.value).label("fetch"),
    _count_files(attachments.c.text_status, *_TO_BE_READ).label("read"),
)


class WaitingFiles(msgspec.Struct, frozen=True):
    """Attachments that are to be fetched and to be read, counted up to :data:`MOST`."""

    fetch: int
    read: int


def waiting_files(tx: Connection) -> WaitingFiles:
    """What waits of the attachments of all workspaces, due or not."""
    return WaitingFiles(**tx.execute(_WAITING_FILES).mappings().one())


def waiting(tx: Connection, *, now: int) -> list[Waiting]:
    """Every status but ``COMPLETE``, whose batches only grow; ``now`` in Unix milliseconds."""
    row = tx.execute(_WAITING).mappings().one()
    found: list[Waiting] = []
    for status in _COUNTED:
        overdue = None
        if status in _WORKED_ON:
            due = row[f"due_{status.lower()}"]
            overdue = 0 if due is None else max(0, now - due)
        found.append(Waiting(status, row[f"count_{status.lower()}"], overdue))
    return found
