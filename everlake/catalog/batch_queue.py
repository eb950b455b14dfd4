"""Batch queue: a batch's status names its next step, and its lease the worker that has it.

Batches are not jobs (:mod:`everlake.catalog.jobs`). Their status is the public state and the queue
in one row, so that accepting a batch is a single INSERT; a job would be a second one on the way to
each 202. A claim takes a group of a workspace's batches in the order of their sequence numbers,
within bounds on records and bytes, where a claim of jobs takes rows by due time.
"""

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
from everlake.catalog.statements import MAX_PARAMETERS
from everlake.catalog.table_definitions import StatusText, batches
from everlake.contract.batches import BatchStatus
from everlake.contract.errors import MAX_MESSAGE_LENGTH
from everlake.model.batches import BatchRow

_c = batches.c
_PREVIOUS_STATUSES = {
    BatchStatus.LANDED: (BatchStatus.LANDING,),
    BatchStatus.PROCESSING: (BatchStatus.LANDED,),
    BatchStatus.COMPLETE: (BatchStatus.LANDED, BatchStatus.PROCESSING),
}
"""Statuses before each status; a batch only moves forward (contract, A batch)."""

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
        # The addition keeps planners from ix_batches_due, with which they would have to sort.
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
    """Lease the oldest batches of one workspace that are due in ``status``.

    A claim of ``LANDED`` also takes ``PROCESSING`` batches whose lease has expired or whose next
    attempt is due. An expired lease counts as a failed attempt, so that a batch that kills its
    worker is not retried for ever.

    Args:
        status: of the batches to claim.
        to: status that the claimed batches get; None for no change.
        owner: unique to a loop of a worker: equal owners share their leases.
        now: Unix milliseconds.
        lease_ms: duration of the lease in milliseconds, unless it is renewed.
        max_batches: most batches.
        max_records: most accepted records together; one batch is claimed even if it has more.
        max_bytes: the same for ``landing_bytes``.
        workspace_id: claim batches of this workspace; None for the one with the batch that has
            been due for longest.
        skip_workspaces: workspaces to leave out when ``workspace_id`` is None.
        failed_before: claim only batches with failed attempts, or only those without; None for
            any.
        expired: list to which the ids of the batches with an expired lease are added.

    Returns:
        the batches as they are now, by sequence; empty when nothing is due.
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
    """Return whether :func:`claim` would find a batch in ``status``.

    It is one statement, and a claim that finds nothing is a transaction of several.

    Args:
        status: of the batches.
        now: Unix milliseconds.
    """
    parameters = {"states": _claimable_statuses(status), "now": now}
    return tx.execute(_ANY_DUE, parameters).first() is not None


def renew(tx: Connection, owner: str, ids: Collection[str], until: int) -> int:
    """Extend the leases of ``owner`` to ``until``, in Unix milliseconds; return how many."""
    return _update_leased(tx, ids, owner, {"due_at": until})


def release(tx: Connection, ids: Collection[str], *, owner: str, now: int) -> int:
    """End the leases of ``owner`` without counting an attempt; return how many batches."""
    return _update_leased(tx, ids, owner, _unleased_values(now))


def expire_leases(tx: Connection, owners: Collection[str], *, now: int) -> int:
    """Expire all leases of dead owners, and return how many batches.

    The owner stays set, so that the next claim counts a failed attempt.
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
    """Set the status of batches that ``owner`` leases, end their leases, and return how many.

    Raises:
        ValueError: ``to`` is not a status that a batch moves forward to.
    """
    if to not in _PREVIOUS_STATUSES:
        raise ValueError(f"a batch does not move forward to {to}")
    values = {"status": to, "attempts": 0, "failure": None, **_unleased_values(now)}
    if to in _REACHED_AT_COLUMNS:
        values[_REACHED_AT_COLUMNS[to]] = now
    # NOT IN, because no index serves it: with IN, SQLite scans all batches of a status.
    others = [status for status in BatchStatus if status not in _PREVIOUS_STATUSES[to]]
    return _update_leased(tx, ids, owner, values, _c.status.not_in(others))


def schedule_retry(
    tx: Connection, ids: Collection[str], *, owner: str, now: int, delay_ms: int, reason: str
) -> int:
    """Record a failed attempt of batches that ``owner`` leases, and return how many.

    Their leases end, and they are due again after ``delay_ms``.
    """
    values = {
        "attempts": _c.attempts + 1,
        "failure": reason[:MAX_MESSAGE_LENGTH],
        **_unleased_values(now + delay_ms),
    }
    return _update_leased(tx, ids, owner, values)


def fail(tx: Connection, ids: Collection[str], *, owner: str, now: int, reason: str) -> int:
    """Set batches that ``owner`` leases to ``FAILED``, and return how many.

    Their landing objects stay, and :func:`retry_failed` resumes them.
    """
    values = {
        "status": BatchStatus.FAILED,
        "failure": reason[:MAX_MESSAGE_LENGTH],
        **_unleased_values(now),
    }
    return _update_leased(tx, ids, owner, values)


def retry_failed(tx: Connection, workspace_id: str, batch_id: str, *, now: int) -> bool:
    """Resume a failed batch from its last status; return False for any other batch.

    A batch without accepted records cannot be resumed.
    """
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
    """Make batches of a workspace that wait for their next attempt due now; return how many."""
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
    """Return the condition; an expired lease is a failed attempt that was not counted yet."""
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
