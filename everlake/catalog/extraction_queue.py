"""The queue of attachments to read: text out of the file, then into the lake's tables."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, select, update

from everlake.batching import chunked
from everlake.catalog.attachments import TEXT_STORED, AttachmentRow, TextStage, attachment_row
from everlake.catalog.statements import MAX_PARAMETERS
from everlake.catalog.table_definitions import attachments, batches
from everlake.contract.batches import BatchStatus
from everlake.contract.errors import MAX_MESSAGE_LENGTH

_c = attachments.c


class ExtractionFailure(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment that gave no text: for good, or ``due_at`` for another try."""

    id: str
    code: str
    message: str
    due_at: int | None = None


def claim(
    tx: Connection,
    *,
    owner: str,
    now: int,
    lease_ms: int,
    limit: int,
    state: TextStage = TextStage.PENDING,
) -> list[AttachmentRow]:
    """Lease stored attachments whose text is to be read, those that wait for longest first.

    A lease that ran out counts as an attempt.

    Args:
        state: ``PENDING``, or ``RECORDING`` for those that take long.
    """
    statement = (
        select(attachments)
        .where(_c.text_status == state.value, _c.text_due_at <= now)
        .order_by(_c.text_due_at)
    )
    return _lease(tx, statement, owner=owner, until=now + lease_ms, limit=limit)


def claim_for_indexing(
    tx: Connection,
    *,
    owner: str,
    now: int,
    lease_ms: int,
    limit: int,
    skip_workspaces: Collection[str] = (),
) -> list[AttachmentRow]:
    """Lease attachments of one workspace whose text is read and not in the lake's tables.

    Only those of ``COMPLETE`` batches: whoever analyses a batch later takes the texts with it,
    and of two who write what a record says at the same time the slower one would win.
    """
    due = (
        select(attachments)
        .join(batches, batches.c.id == _c.batch_id)
        .where(_c.text_status == TextStage.READY.value, _c.text_due_at <= now)
        .where(batches.c.status == BatchStatus.COMPLETE)
        .order_by(_c.text_due_at)
    )
    if skip_workspaces:
        due = due.where(_c.workspace_id.not_in(skip_workspaces))
    first = tx.execute(due.limit(1)).mappings().first()
    if first is None:
        return []
    statement = due.where(_c.workspace_id == first["workspace_id"])
    return _lease(tx, statement, owner=owner, until=now + lease_ms, limit=limit)


def is_due(tx: Connection, state: TextStage, *, now: int) -> bool:
    """Whether an attachment may be claimed in that state."""
    statement = select(_c.id).where(_c.text_status == state.value, _c.text_due_at <= now)
    return tx.execute(statement.limit(1)).first() is not None


def renew(tx: Connection, owner: str, ids: Collection[str], until: int) -> int:
    """Hold the leases until ``until``; how many of ``ids`` are still ``owner``'s."""
    return _update_held(tx, ids, owner, {"text_due_at": until})


def release(tx: Connection, ids: Collection[str], *, owner: str, due_at: int) -> int:
    """Hand back those of ``ids`` that ``owner`` has, with no attempt counted; how many."""
    return _update_held(tx, ids, owner, {"text_owner": None, "text_due_at": due_at})


def expire_leases(tx: Connection, owner: str, *, now: int) -> int:
    """Make what a dead owner has due at once; how many. The next claim counts an attempt."""
    statement = update(attachments).where(_c.text_owner == owner, _c.text_due_at > now)
    statement = statement.where(_c.text_status.is_not(None))
    return tx.execute(statement.values(text_due_at=now)).rowcount


def advance(tx: Connection, ids: Collection[str], *, owner: str, to: TextStage, now: int) -> int:
    """Move forward those of ``ids`` that ``owner`` has, to ``RECORDING`` and further."""
    values: dict[str, object] = {
        "text_status": to.value,
        "text_owner": None,
        "text_due_at": now,
        "text_attempts": 0,
        "text_error_code": None,
        "text_error": None,
    }
    if to is TextStage.COMPLETE:
        values["indexed_at"] = now
    return _update_held(tx, ids, owner, values)


def extract_again(tx: Connection, attachment_id: str, *, owner: str, now: int) -> int:
    """Let a file of ``owner`` be read once more, since its text is lost; how many it was."""
    values = {"text_status": TextStage.PENDING.value, "text_owner": None, "text_due_at": now}
    return _update_held(tx, [attachment_id], owner, values)


def fail(tx: Connection, failures: Iterable[ExtractionFailure], *, owner: str, now: int) -> int:
    """Write down why attachments gave no text; how many of them were ``owner``'s."""
    count = 0
    for one in failures:
        values = {
            "text_status": TextStage.FAILED.value if one.due_at is None else _c.text_status,
            "text_owner": None,
            "text_due_at": now if one.due_at is None else one.due_at,
            "text_attempts": _c.text_attempts + 1,
            "text_error_code": one.code,
            "text_error": one.message[:MAX_MESSAGE_LENGTH],
        }
        count += _update_held(tx, [one.id], owner, values)
    return count


def reindex(tx: Connection, workspace_id: str, *, since: int, now: int) -> int:
    """Let texts that came into the tables from ``since`` on be written to them again; how many.

    For tables that were made from what was there before. Whoever is at one of them has it no
    more.
    """
    statement = (
        update(attachments)
        .where(_c.workspace_id == workspace_id)
        .where(_c.text_status.in_([state.value for state in TEXT_STORED]))
        .where((_c.indexed_at >= since) | _c.text_owner.is_not(None))
        .values(text_status=TextStage.READY.value, text_owner=None, text_due_at=now)
    )
    return tx.execute(statement).rowcount


def _lease(
    tx: Connection, statement: Select[Any], *, owner: str, until: int, limit: int
) -> list[AttachmentRow]:
    chosen = statement.limit(limit).with_for_update(of=attachments, skip_locked=True)
    claimed: list[AttachmentRow] = []
    for row in tx.execute(chosen).mappings():
        found = attachment_row(row)
        claimed.append(
            msgspec.structs.replace(
                found,
                text_owner=owner,
                text_due_at=until,
                text_attempts=found.text_attempts + (found.text_owner is not None),
            )
        )
    for one in claimed:
        tx.execute(
            update(attachments)
            .where(_c.id == one.id)
            .values(text_owner=owner, text_due_at=until, text_attempts=one.text_attempts)
        )
    return claimed


def _update_held(
    tx: Connection, ids: Collection[str], owner: str, values: Mapping[str, Any]
) -> int:
    held: ColumnElement[bool] = _c.text_owner == owner
    statement = update(attachments).where(held).values(**values)
    return sum(
        tx.execute(statement.where(_c.id.in_(chunk))).rowcount
        for chunk in chunked(sorted(ids), MAX_PARAMETERS)
    )
