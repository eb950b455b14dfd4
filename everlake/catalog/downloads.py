"""The queue of attachments to fetch: who is at which, and what became of them.

A host's attachments are one worker's at a time, so that the number of connections to a host is
that worker's to keep, however many there are. Those that come from no host are anybody's.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    TextClause,
    bindparam,
    func,
    literal_column,
    select,
    text,
    update,
)

from everlake.catalog.attachments import AttachmentRow, TextState, row_of
from everlake.catalog.fields import in_chunks
from everlake.catalog.tables import attachments, batches
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.errors import MAX_MESSAGE

MOST_HOSTS = 64
"""Hosts that one claim looks at; the next one goes on behind them."""

_CLAIMS_LOCK = 0x45766174
"""Names the lock of whoever claims, among the database's advisory locks."""

_PENDING = AttachmentStatus.PENDING.value
_c = attachments.c


def _hosts_from(first: str) -> TextClause:
    # Each host is found by one step into the index, however many attachments it has.
    return text(  # a condition of our own, and nothing from outside
        f"""
        WITH RECURSIVE hosts(host) AS (
            SELECT (SELECT min(host) FROM attachments WHERE status = :status AND {first})
            UNION ALL
            SELECT (
                SELECT min(host) FROM attachments WHERE status = :status AND host > hosts.host
            ) FROM hosts WHERE hosts.host IS NOT NULL
        )
        SELECT host FROM hosts WHERE host IS NOT NULL LIMIT :most
        """  # noqa: S608
    )


_HOSTS = _hosts_from("host >= ''")
_HOSTS_BEHIND = _hosts_from("host > :after")
_DUE_OF_HOST = (
    select(attachments)
    .where(
        _c.status == _PENDING,
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
        text_due_at=bindparam("text_due"),
    )
)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment whose content is stored, and whether there is text to be had from it."""

    id: str
    batch_id: str
    size: int
    mime_type: str
    sha256: str
    readable: bool


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment that could not be had: for good, or ``due_at`` for another try.

    ``counts`` says whether it was an attempt.
    """

    id: str
    batch_id: str
    code: str
    message: str
    due_at: int | None = None
    counts: bool = True


class Settled(msgspec.Struct, frozen=True):
    """How many of those that were told became complete, and failed for good."""

    complete: int
    failed: int


def claim(
    tx: Connection,
    *,
    owner: str,
    now: int,
    lease_ms: int,
    most: int,
    most_per_host: int,
    after: str = "",
    full: Collection[str] = (),
    taken_over: list[str] | None = None,
) -> list[AttachmentRow]:
    """Lease attachments that are due, of hosts that nobody else is at.

    A lease that ran out counts as an attempt, so that a file that kills its worker does not come
    back for ever.

    Args:
        now: Unix milliseconds.
        lease_ms: milliseconds the lease holds, unless renewed.
        most: attachments in all.
        most_per_host: attachments of each host.
        after: the host that was the last to have its turn; those behind it come first.
        full: hosts that are left out.
        taken_over: gets the ids of those whose last lease ran out.

    Returns:
        them as they are now, a host's together.
    """
    if tx.dialect.name == "postgresql":
        # Two that look at the same moment would both find a host free.
        tx.execute(select(func.pg_advisory_xact_lock(_CLAIMS_LOCK)))
    left_out = _of_others(tx, owner, now) | set(full)
    claimed: list[AttachmentRow] = []
    for host in _hosts(tx, after):
        if len(claimed) >= most:
            break
        if host in left_out:
            continue
        given = {"of_host": host, "now": now, "most": min(most - len(claimed), most_per_host)}
        for row in tx.execute(_DUE_OF_HOST, given).mappings():
            found = row_of(row)
            if found.lease_owner is not None and taken_over is not None:
                taken_over.append(found.id)
            claimed.append(
                msgspec.structs.replace(
                    found,
                    lease_owner=owner,
                    due_at=now + lease_ms,
                    attempts=found.attempts + (found.lease_owner is not None),
                )
            )
    if claimed:
        tx.execute(_LEASE, [_lease_values(row) for row in claimed])
        _begin(tx, {row.batch_id for row in claimed}, now)
    return claimed


def is_due(tx: Connection, *, now: int) -> bool:
    """Whether any attachment waits to be fetched; one step into an index."""
    return tx.execute(_DUE, {"now": now}).first() is not None


def renew(tx: Connection, owner: str, ids: Collection[str], until: int) -> int:
    """Hold the leases until ``until``; how many of ``ids`` are still ``owner``'s."""
    return _update_held(tx, ids, owner, {"due_at": until})


def release(tx: Connection, ids: Collection[str], *, owner: str, due_at: int) -> int:
    """Hand back those of ``ids`` that ``owner`` has, with no attempt counted; how many."""
    return _update_held(tx, ids, owner, {"lease_owner": None, "due_at": due_at})


def abandon(tx: Connection, owner: str, *, now: int) -> int:
    """Make what a dead owner has due at once; how many. The next claim counts an attempt."""
    statement = update(attachments).where(_c.lease_owner == owner, _c.due_at > now)
    return tx.execute(statement.values(due_at=now)).rowcount


def settle(
    tx: Connection,
    *,
    owner: str,
    now: int,
    stored: Sequence[Stored] = (),
    failed: Sequence[Failed] = (),
) -> Settled:
    """Write down what became of attachments, and count them on their batches.

    Those that ``owner`` has no more are passed over: somebody else tells of them.
    """
    held = _held(tx, [one.id for one in (*stored, *failed)], owner)
    complete = [one for one in stored if one.id in held]
    given_up = [one for one in failed if one.id in held and one.due_at is None]
    later = [one for one in failed if one.id in held and one.due_at is not None]
    if complete:
        tx.execute(_COMPLETE, [_content(one, now) for one in complete])
    for one in given_up:
        values = {"status": AttachmentStatus.FAILED.value, "due_at": now, **_why(one)}
        tx.execute(update(attachments).where(_c.id == one.id).values(**values))
    for one in later:
        values = {"due_at": one.due_at, **_why(one)}
        tx.execute(update(attachments).where(_c.id == one.id).values(**values))
    _count(tx, Counter(one.batch_id for one in complete), "attachment_complete")
    _count(tx, Counter(one.batch_id for one in given_up), "attachment_failed")
    return Settled(len(complete), len(given_up))


def _hosts(tx: Connection, after: str) -> list[str]:
    """Hosts with something that waits, those behind ``after`` first."""
    behind = {"status": _PENDING, "after": after, "most": MOST_HOSTS}
    found = list(tx.execute(_HOSTS_BEHIND, behind).scalars())
    if len(found) < MOST_HOSTS:
        first = {"status": _PENDING, "most": MOST_HOSTS - len(found)}
        found += [host for host in tx.execute(_HOSTS, first).scalars() if host <= after]
    return found


def _of_others(tx: Connection, owner: str, now: int) -> set[str]:
    statement = (
        select(_c.host)
        .where(_c.lease_owner.is_not(None), _c.lease_owner != owner)
        .where(_c.due_at > now, _c.host != "")
        .distinct()
    )
    return set(tx.execute(statement).scalars())


def _begin(tx: Connection, batch_ids: Collection[str], now: int) -> None:
    for chunk in in_chunks(sorted(batch_ids)):
        tx.execute(
            update(batches)
            .where(batches.c.id.in_(chunk), batches.c.attachment_begun_at.is_(None))
            .values(attachment_begun_at=now)
        )


def _held(tx: Connection, ids: Collection[str], owner: str) -> set[str]:
    held: set[str] = set()
    for chunk in in_chunks(sorted(ids)):
        statement = select(_c.id).where(_c.id.in_(chunk), _c.lease_owner == owner)
        held.update(tx.execute(statement.with_for_update()).scalars())
    return held


def _count(tx: Connection, counts: Counter[str], column: str) -> None:
    # In one order, so that no two wait for each other.
    for batch_id, number in sorted(counts.items()):
        counted = batches.c[column] + number
        tx.execute(update(batches).where(batches.c.id == batch_id).values({column: counted}))


def _content(one: Stored, now: int) -> dict[str, Any]:
    return {
        "attachment": one.id,
        "now": now,
        "bytes": one.size,
        "type": one.mime_type,
        "hash": one.sha256,
        "text": TextState.PENDING.value if one.readable else None,
        "text_due": now if one.readable else None,
    }


def _why(one: Failed) -> dict[str, Any]:
    return {
        "lease_owner": None,
        "error_code": one.code,
        "error": one.message[:MAX_MESSAGE],
        "attempts": _c.attempts + literal_column("1" if one.counts else "0"),
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
        tx.execute(statement.where(_c.id.in_(chunk))).rowcount for chunk in in_chunks(sorted(ids))
    )
