"""Download queue: leases and outcomes of attachments to fetch.

A host is leased to one worker at a time, so that this worker alone keeps the number of connections
to it, however many workers there are. Attachments without a host may be leased by any worker.

Downloads are not jobs (:mod:`everlake.catalog.jobs`). Workspaces take turns, and hosts within each;
both are found by index steps, under one lock for all claims. Thousands of attachments are claimed
at once, and their outcomes are counted on their batches in the same transaction. Jobs would need a
host, an order and counters for that: this code, with a table between it and the attachments.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    bindparam,
    func,
    literal_column,
    select,
    update,
)

from everlake.batching import chunked
from everlake.catalog import jobs
from everlake.catalog.attachments import (
    SELECT_ATTACHMENTS,
    AttachmentRow,
    TextStage,
    attachment_row,
)
from everlake.catalog.jobs import JobKind, NewJob
from everlake.catalog.statements import MAX_PARAMETERS
from everlake.catalog.table_definitions import attachments, batches
from everlake.catalog.turns import Turns
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.errors import MAX_MESSAGE_LENGTH

MAX_WORKSPACES = 64
"""Workspaces that one claim looks at; the next claim continues after them."""

MAX_HOSTS = 64
"""Hosts of a workspace that one claim looks at, likewise."""

_CLAIMS_LOCK = 0x45766174
"""Key of the advisory lock that makes claims take turns."""

_PENDING = AttachmentStatus.PENDING.value
_c = attachments.c


# The addition keeps planners from ix_attachments_due, where other workspaces' rows may come first.
_WORKSPACES = Turns(
    attachments, "workspace_id", among="status = :pending", due="due_at + 0 <= :now"
)
_HOSTS = Turns(attachments, "host", among="status = :pending AND workspace_id = :workspace")
_DUE_OF_HOST = (
    SELECT_ATTACHMENTS.where(
        _c.status == _PENDING,
        _c.workspace_id == bindparam("of_workspace"),
        _c.host == bindparam("of_host"),
        _c.due_at <= bindparam("now"),
    )
    .order_by(_c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_DUE = select(_c.id).where(_c.status == _PENDING, _c.due_at <= bindparam("now")).limit(1)
_LEASE = (
    update(attachments)
    .where(_c.id == bindparam("attachment"))
    .values(
        lease_owner=bindparam("owner"),
        due_at=bindparam("until"),
        attempts=bindparam("failed"),
    )
)
_COMPLETE = (
    update(attachments)
    .where(_c.id == bindparam("attachment"))
    .values(
        status=AttachmentStatus.COMPLETE.value,
        lease_owner=None,
        due_at=bindparam("now"),
        error_code=None,
        error=None,
        size=bindparam("bytes"),
        mime_type=bindparam("type"),
        sha256=bindparam("hash"),
        completed_at=bindparam("now"),
        text_status=bindparam("text"),
    )
)


class CompletedDownload(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment whose content is stored; ``is_extractable`` if its format has text."""

    id: str
    workspace_id: str
    batch_id: str
    size: int
    mime_type: str
    sha256: str
    is_extractable: bool


class FailedDownload(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment that could not be fetched.

    Attributes:
        due_at: when it is tried again; None: it has failed for good.
        counts_as_attempt: False where the cause was this side's storage or database.
    """

    id: str
    batch_id: str
    code: str
    message: str
    due_at: int | None = None
    counts_as_attempt: bool = True


class OutcomeCounts(msgspec.Struct, frozen=True):
    """How many attachments became complete, and how many failed for good."""

    complete: int
    failed: int


class ClaimTurns(msgspec.Struct):
    """Who had the last turn of a worker's claims: a workspace, and of each workspace a host."""

    workspace: str | None = None
    hosts: dict[str, str] = {}


def claim(
    tx: Connection,
    *,
    owner: str,
    now: int,
    lease_ms: int,
    limit: int,
    host_limit: int,
    turns: ClaimTurns,
    skip_workspaces: Collection[str] = (),
    skip_hosts: Collection[tuple[str, str]] = (),
    expired: list[str] | None = None,
) -> list[AttachmentRow]:
    """Lease attachments that are due, of hosts that no other worker has leased.

    Each workspace gets an equal share of ``limit``, and its hosts take turns at it. A lease that
    ran out counts as an attempt, so that a file that kills its worker is not tried for ever.

    Args:
        now: Unix milliseconds.
        lease_ms: milliseconds the lease holds, unless renewed.
        limit: attachments in all, or one of each workspace if that is more.
        host_limit: attachments of each host of a workspace.
        turns: whose turn comes next; this claim moves it on.
        skip_workspaces: workspaces that are left out.
        skip_hosts: workspaces and hosts that are left out together.
        expired: receives the ids of attachments whose last lease ran out.

    Returns:
        the attachments as they are now, those of a workspace and host together.
    """
    if tx.dialect.name == "postgresql":
        # Two claims at the same moment would both find a host free.
        tx.execute(select(func.pg_advisory_xact_lock(_CLAIMS_LOCK)))
    leased_hosts = _hosts_leased_by_others(tx, owner, now)
    workspaces = _due_workspaces(tx, turns.workspace, now, skip_workspaces)
    found: list[AttachmentRow] = []
    for workspace_id in workspaces:
        turns.workspace = workspace_id
        found += _due_attachments(
            tx,
            workspace_id,
            turns,
            now=now,
            limit=max(1, limit // len(workspaces)),
            host_limit=host_limit,
            left_out=lambda host, of=workspace_id: host in leased_hosts or (of, host) in skip_hosts,
        )
    if expired is not None:
        expired += [row.id for row in found if row.lease_owner is not None]
    claimed = [
        msgspec.structs.replace(
            row,
            lease_owner=owner,
            due_at=now + lease_ms,
            attempts=row.attempts + (row.lease_owner is not None),
        )
        for row in found
    ]
    if claimed:
        tx.execute(_LEASE, [_lease_values(row) for row in claimed])
        _mark_begun(tx, {row.batch_id for row in claimed}, now)
    return claimed


def is_due(tx: Connection, *, now: int) -> bool:
    """Return whether an attachment is due to be fetched; one step into an index."""
    return tx.execute(_DUE, {"now": now}).first() is not None


def renew(tx: Connection, owner: str, ids: Collection[str], until: int) -> int:
    """Extend leases to ``until``; return how many of ``ids`` are still ``owner``'s."""
    return _update_held(tx, ids, owner, {"due_at": until})


def release(tx: Connection, ids: Collection[str], *, owner: str, due_at: int) -> int:
    """Give back those of ``ids`` that ``owner`` holds, without counting an attempt.

    Returns:
        their number.
    """
    return _update_held(tx, ids, owner, {"lease_owner": None, "due_at": due_at})


def expire_leases(tx: Connection, owner: str, *, now: int) -> int:
    """Make what a dead worker holds due at once; return its number.

    It stays in that worker's name, so that the next claim counts an attempt.
    """
    statement = update(attachments).where(_c.lease_owner == owner, _c.due_at > now)
    return tx.execute(statement.values(due_at=now)).rowcount


def record_outcomes(
    tx: Connection,
    *,
    owner: str,
    now: int,
    completed: Sequence[CompletedDownload] = (),
    failed: Sequence[FailedDownload] = (),
) -> OutcomeCounts:
    """Record outcomes, count them on their batches, and enqueue the extraction of texts.

    Attachments that ``owner`` has lost are left out: their new holder records their outcome.
    """
    held = _lock_held(tx, [one.id for one in (*completed, *failed)], owner)
    complete = [one for one in completed if one.id in held]
    given_up = [one for one in failed if one.id in held and one.due_at is None]
    later = [one for one in failed if one.id in held and one.due_at is not None]
    if complete:
        tx.execute(_COMPLETE, [_content_values(one, now) for one in complete])
    for one in given_up:
        values = {"status": AttachmentStatus.FAILED.value, "due_at": now, **_error_values(one)}
        tx.execute(update(attachments).where(_c.id == one.id).values(**values))
    for one in later:
        values = {"due_at": one.due_at, **_error_values(one)}
        tx.execute(update(attachments).where(_c.id == one.id).values(**values))
    jobs.enqueue(tx, [_extraction_job(one, now) for one in complete if one.is_extractable], now=now)
    _count(tx, Counter(one.batch_id for one in complete), "attachment_complete")
    _count(tx, Counter(one.batch_id for one in given_up), "attachment_failed")
    return OutcomeCounts(len(complete), len(given_up))


def _due_workspaces(
    tx: Connection, last: str | None, now: int, skipped: Collection[str]
) -> list[str]:
    found = _WORKSPACES.after(tx, last, pending=_PENDING, now=now)
    return list(islice((one for one in found if one not in skipped), MAX_WORKSPACES))


def _due_attachments(
    tx: Connection,
    workspace_id: str,
    turns: ClaimTurns,
    *,
    now: int,
    limit: int,
    host_limit: int,
    left_out: Callable[[str], bool],
) -> list[AttachmentRow]:
    """Return attachments of a workspace, in the turns of its hosts."""
    last = turns.hosts.get(workspace_id)
    hosts = _HOSTS.after(tx, last, pending=_PENDING, now=now, workspace=workspace_id)
    found: list[AttachmentRow] = []
    for host in islice(hosts, MAX_HOSTS):
        if len(found) >= limit:
            break
        turns.hosts[workspace_id] = host
        if left_out(host):
            continue
        most = min(limit - len(found), host_limit)
        given = {"of_workspace": workspace_id, "of_host": host, "now": now, "most": most}
        found += map(attachment_row, tx.execute(_DUE_OF_HOST, given).mappings())
    return found


def _hosts_leased_by_others(tx: Connection, owner: str, now: int) -> set[str]:
    statement = (
        select(_c.host)
        .where(_c.lease_owner.is_not(None), _c.lease_owner != owner)
        .where(_c.due_at > now, _c.host != "")
        .distinct()
    )
    return set(tx.execute(statement).scalars())


def _mark_begun(tx: Connection, batch_ids: Collection[str], now: int) -> None:
    for chunk in chunked(sorted(batch_ids), MAX_PARAMETERS):
        tx.execute(
            update(batches)
            .where(batches.c.id.in_(chunk), batches.c.attachment_begun_at.is_(None))
            .values(attachment_begun_at=now)
        )


def _lock_held(tx: Connection, ids: Collection[str], owner: str) -> set[str]:
    held: set[str] = set()
    for chunk in chunked(sorted(ids), MAX_PARAMETERS):
        statement = select(_c.id).where(_c.id.in_(chunk), _c.lease_owner == owner)
        held.update(tx.execute(statement.with_for_update()).scalars())
    return held


def _count(tx: Connection, counts: Counter[str], column: str) -> None:
    # Always in the same order, so that two transactions do not deadlock.
    for batch_id, number in sorted(counts.items()):
        counted = batches.c[column] + number
        tx.execute(update(batches).where(batches.c.id == batch_id).values({column: counted}))


def _extraction_job(one: CompletedDownload, now: int) -> NewJob:
    return NewJob(
        kind=JobKind.EXTRACT_TEXT, subject=one.id, workspace_id=one.workspace_id, due_at=now
    )


def _content_values(one: CompletedDownload, now: int) -> dict[str, Any]:
    return {
        "attachment": one.id,
        "now": now,
        "bytes": one.size,
        "type": one.mime_type,
        "hash": one.sha256,
        "text": TextStage.PENDING.value if one.is_extractable else None,
    }


def _error_values(one: FailedDownload) -> dict[str, Any]:
    return {
        "lease_owner": None,
        "error_code": one.code,
        "error": one.message[:MAX_MESSAGE_LENGTH],
        "attempts": _c.attempts + literal_column("1" if one.counts_as_attempt else "0"),
    }


def _lease_values(row: AttachmentRow) -> dict[str, Any]:
    return {
        "attachment": row.id,
        "owner": row.lease_owner,
        "until": row.due_at,
        "failed": row.attempts,
    }


def _update_held(tx: Connection, ids: Collection[str], owner: str, values: dict[str, Any]) -> int:
    statement = update(attachments).where(_c.lease_owner == owner).values(**values)
    return sum(
        tx.execute(statement.where(_c.id.in_(chunk))).rowcount
        for chunk in chunked(sorted(ids), MAX_PARAMETERS)
    )
