"""The queue: a batch's status says what is next, and a lease who works on it."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    literal,
    literal_column,
    not_,
    or_,
    select,
    update,
)

from everlake.batching import chunked
from everlake.catalog.batches import BatchRow
from everlake.catalog.statements import MAX_PARAMETERS
from everlake.catalog.table_definitions import StatusText, batches
from everlake.contract.batches import BatchStatus
from everlake.contract.errors import MAX_MESSAGE_LENGTH

_c = batches.c
_PREVIOUS_STATUSES = {
    BatchStatus.LANDED: (BatchStatus.LANDING,),
    BatchStatus.PROCESSING: (BatchStatus.LANDED,),
    BatchStatus.COMPLETE: (BatchStatus.LANDED, BatchStatus.PROCESSING),
}
"""Where a batch may come from; it only moves forward (contract, A batch)."""

_REACHED_AT_COLUMNS = {BatchStatus.LANDED: "landed_at", BatchStatus.COMPLETE: "completed_at"}

_DUE_WORKSPACE = (
    select(_c.workspace_id, _c.due_at)
    .where(_c.status == bindparam("status"), _c.due_at <= bindparam("now"))
    .order_by(_c.due_at)
    .limit(1)
)
_ANY_DUE = (
    select(_c.due_at)
    .where(_c.status.in_(bindparam("states", expanding=True)), _c.due_at <= bindparam("now"))
    .limit(1)
)
_DUE_BATCHES = (
    select(batches)
    .where(
        _c.workspace_id == bindparam("workspace"),
        _c.status == bindparam("status"),
        # The sum keeps planners off ix_batches_due, with which they would have to sort.
        _c.due_at + literal_column("0") <= bindparam("now"),
    )
    .order_by(_c.sequence)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_LEASE = (
    update(batches)
    .where(_c.id == bindparam("batch"))
    .values(
        status=bindparam("new_status"),
        lease_owner=bindparam("owner"),
        due_at=bindparam("until"),
        attempts=bindparam("failed"),
    )
)


def claim(
    tx: Connection,
    *,
    status: BatchStatus,
    to: BatchStatus | None = None,
    owner: str,
    now: int,
    lease_ms: int,
    max_batches: int,
    max_records: int,
    max_bytes: int,
    workspace_id: str | None = None,
    skip_workspaces: Collection[str] = (),
    failed_before: bool | None = None,
    expired: list[str] | None = None,
) -> list[BatchRow]:
    """Lease the oldest batches of one workspace that wait in ``status`` and nobody holds.

    A claim of ``LANDED`` also finds ``PROCESSING`` batches whose lease ran out or whose next
    attempt is due. A lease that ran out counts as a failed attempt, so that a batch that kills
    its worker does not come back for ever.

    Args:
        to: the status the claimed batches get; None leaves the one they have.
        owner: unique to the worker's loop: whoever has the same name has the same lease.
        now: Unix milliseconds.
        lease_ms: milliseconds the lease holds, unless renewed.
        max_records: most accepted records together; one batch is claimed even if it has more.
        max_bytes: likewise for ``landing_bytes``.
        workspace_id: None takes the workspace that has had a batch due for the longest time.
        skip_workspaces: not these, where there is a choice.
        failed_before: only batches on which an attempt has failed, or only others; None: any.
        expired: gets the ids of the batches whose last lease ran out.

    Returns:
        the batches as they are now, by sequence; none where nothing is due.
    """
    states = _claimable_statuses(status)
    workspace = workspace_id
    if workspace is None:
        workspace = _due_workspace(tx, states, now, skip_workspaces, failed_before)
    if workspace is None:
        return []
    due: list[BatchRow] = []
    for state in states:
        parameters = {"workspace": workspace, "status": state, "now": now, "most": max_batches}
        statement = _DUE_BATCHES.where(*_failed_before_condition(failed_before))
        due.extend(BatchRow(**row) for row in tx.execute(statement, parameters).mappings())
    due.sort(key=lambda batch: batch.sequence)
    found = [*_take_within(due[:max_batches], max_records, max_bytes)]
    if expired is not None:
        expired.extend(batch.id for batch in found if batch.lease_owner is not None)
    claimed = [
        msgspec.structs.replace(
            batch,
            status=batch.status if to is None else to,
            lease_owner=owner,
            due_at=now + lease_ms,
            attempts=batch.attempts + (batch.lease_owner is not None),
        )
        for batch in found
    ]
    if claimed:
        tx.execute(_LEASE, [_lease_values(batch) for batch in claimed])
    return claimed


def is_due(tx: Connection, status: BatchStatus, *, now: int) -> bool:
    """Whether a batch could be claimed in ``status``, as :func:`claim` takes it.

    One statement, where a claim that finds nothing is a transaction of several.

    Args:
        now: Unix milliseconds.
    """
    parameters = {"states": _claimable_statuses(status), "now": now}
    return tx.execute(_ANY_DUE, parameters).first() is not None


def renew(tx: Connection, owner: str, ids: Collection[str], until: int) -> int:
    """Hold the leases until ``until``; how many of ``ids`` are still ``owner``'s."""
    return _update_leased(tx, ids, owner, {"due_at": until})


def release(tx: Connection, ids: Collection[str], *, owner: str, now: int) -> int:
    """Hand back the batches of ``ids`` that ``owner`` holds, with no attempt counted; how many."""
    return _update_leased(tx, ids, owner, _unleased_values(now))


def expire_leases(tx: Connection, owners: Collection[str], *, now: int) -> int:
    """Make what dead owners hold due at once; how many batches.

    It stays in their name, so that the next claim counts an attempt, as for a lease that ran out.
    """
    count = 0
    # One status at a time, each of which is a range of the queue's index.
    for status in (BatchStatus.LANDING, BatchStatus.LANDED, BatchStatus.PROCESSING):
        statement = (
            update(batches)
            .where(_c.status == status, _c.due_at > now, _c.lease_owner.in_(owners))
            .values(due_at=now)
        )
        count += tx.execute(statement).rowcount
    return count


def advance(tx: Connection, ids: Collection[str], *, owner: str, to: BatchStatus, now: int) -> int:
    """Move forward the batches of ``ids`` that ``owner`` holds, and free them; how many.

    Raises:
        ValueError: ``to`` is not a status that a batch moves forward to.
    """
    if to not in _PREVIOUS_STATUSES:
        raise ValueError(f"A batch does not move forward to {to}")
    values = {"status": to, "attempts": 0, "failure": None, **_unleased_values(now)}
    if to in _REACHED_AT_COLUMNS:
        values[_REACHED_AT_COLUMNS[to]] = now
    # NOT IN, because no index serves it: with IN, SQLite walks all batches of a status.
    others = [status for status in BatchStatus if status not in _PREVIOUS_STATUSES[to]]
    return _update_leased(tx, ids, owner, values, _c.status.not_in(others))


def schedule_retry(
    tx: Connection, ids: Collection[str], *, owner: str, now: int, delay_ms: int, reason: str
) -> int:
    """Free the batches of ``ids`` that ``owner`` holds, due again after ``delay_ms``; how many."""
    values = {
        "attempts": _c.attempts + 1,
        "failure": reason[:MAX_MESSAGE_LENGTH],
        **_unleased_values(now + delay_ms),
    }
    return _update_leased(tx, ids, owner, values)


def fail(tx: Connection, ids: Collection[str], *, owner: str, now: int, reason: str) -> int:
    """Give up the batches of ``ids`` that ``owner`` holds; how many. Nothing of them is lost."""
    values = {
        "status": BatchStatus.FAILED,
        "failure": reason[:MAX_MESSAGE_LENGTH],
        **_unleased_values(now),
    }
    return _update_leased(tx, ids, owner, values)


def retry_failed(tx: Connection, workspace_id: str, batch_id: str, *, now: int) -> bool:
    """Send a failed batch on from where it was; False where it is not failed, or holds nothing."""
    landed = case(
        (_c.landed_at.is_not(None), literal(BatchStatus.LANDED, StatusText)),
        else_=literal(BatchStatus.LANDING, StatusText),
    )
    statement = (
        update(batches)
        .where(_c.workspace_id == workspace_id, _c.id == batch_id)
        .where(_c.status == BatchStatus.FAILED, _c.accepted > 0)
        .values(status=landed, attempts=0, failure=None, **_unleased_values(now))
    )
    return tx.execute(statement).rowcount == 1


def make_due(tx: Connection, workspace_id: str, *, now: int) -> int:
    """Make the workspace's batches that wait for their next attempt due at once; how many."""
    count = 0
    for status in (BatchStatus.LANDING, BatchStatus.LANDED, BatchStatus.PROCESSING):
        statement = (
            update(batches)
            .where(_c.workspace_id == workspace_id, _c.status == status)
            .where(_c.due_at > now, _c.lease_owner.is_(None))
            .values(due_at=now)
        )
        count += tx.execute(statement).rowcount
    return count


def _claimable_statuses(status: BatchStatus) -> list[BatchStatus]:
    landed = status is BatchStatus.LANDED
    return [status, BatchStatus.PROCESSING] if landed else [status]


def _failed_before_condition(failed_before: bool | None) -> list[ColumnElement[bool]]:
    """A lease that ran out is a failed attempt, which the next claim will count."""
    if failed_before is None:
        return []
    failed = or_(_c.attempts > 0, _c.lease_owner.is_not(None))
    return [failed if failed_before else not_(failed)]


def _due_workspace(
    tx: Connection,
    states: Iterable[BatchStatus],
    now: int,
    skip_workspaces: Collection[str],
    failed_before: bool | None,
) -> str | None:
    statement = _DUE_WORKSPACE.where(*_failed_before_condition(failed_before))
    if skip_workspaces:
        statement = statement.where(_c.workspace_id.not_in(skip_workspaces))
    due: list[tuple[int, str]] = []
    for state in states:
        row = tx.execute(statement, {"status": state, "now": now}).first()
        if row is not None:
            due.append((row.due_at, row.workspace_id))
    return min(due)[1] if due else None


def _take_within(rows: Iterable[BatchRow], max_records: int, max_bytes: int) -> Iterator[BatchRow]:
    records = size = 0
    for number, batch in enumerate(rows):
        records += batch.accepted
        size += batch.landing_bytes
        if number and (records > max_records or size > max_bytes):
            return
        yield batch


def _lease_values(batch: BatchRow) -> dict[str, Any]:
    return {
        "batch": batch.id,
        "new_status": batch.status,
        "owner": batch.lease_owner,
        "until": batch.due_at,
        "failed": batch.attempts,
    }


def _unleased_values(due_at: int) -> dict[str, Any]:
    return {"lease_owner": None, "due_at": due_at}


def _update_leased(
    tx: Connection, ids: Collection[str], owner: str, values: dict[str, Any], *conditions: Any
) -> int:
    statement = update(batches).where(_c.lease_owner == owner, *conditions).values(**values)
    return sum(
        tx.execute(statement.where(_c.id.in_(chunk))).rowcount
        for chunk in chunked(ids, MAX_PARAMETERS)
    )
