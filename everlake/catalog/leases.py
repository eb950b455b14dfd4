"""Named leases: at most one owner at a time, with a fencing number."""

from functools import partial

import msgspec
from sqlalchemy import ColumnElement, Connection, Executable, bindparam, case, or_, select, update

from everlake.catalog.statements import insert_into, per_dialect
from everlake.catalog.table_definitions import leases

_c = leases.c


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A lease that was acquired.

    Attributes:
        until: end of the lease in Unix milliseconds, unless it is renewed.
        fence: number that grows each time the owner changes, from 1. A write with a lower number
            than was seen before comes from an owner that lost the lease.
    """

    name: str
    owner: str
    fence: int
    until: int


def _acquire_statement(dialect: str, *, force: bool) -> Executable:
    insert = insert_into(dialect, leases)
    same = _c.owner == insert.excluded.owner
    free = or_(_c.owner.is_(None), same, _c.until <= bindparam("now"))
    return insert.on_conflict_do_update(
        index_elements=[_c.name],
        set_={
            "owner": insert.excluded.owner,
            "until": insert.excluded.until,
            "fence": _c.fence + case((same, 0), else_=1),
        },
        where=None if force else free,
    ).returning(_c.fence)


_ACQUIRE = per_dialect(partial(_acquire_statement, force=False))
_SEIZE = per_dialect(partial(_acquire_statement, force=True))


def acquire(tx: Connection, name: str, *, owner: str, now: int, ttl_ms: int) -> Lease | None:
    """Acquire the lease, or renew it if ``owner`` holds it; return None if another owner does."""
    values = {"name": name, "owner": owner, "until": now + ttl_ms, "fence": 1, "now": now}
    fence = tx.execute(_ACQUIRE[tx.dialect.name], values).scalar()
    return None if fence is None else Lease(name=name, owner=owner, fence=fence, until=now + ttl_ms)


def seize(tx: Connection, name: str, *, owner: str, now: int, ttl_ms: int) -> Lease:
    """Acquire the lease even if another owner holds it, whose next renewal then fails."""
    values = {"name": name, "owner": owner, "until": now + ttl_ms, "fence": 1}
    fence = tx.execute(_SEIZE[tx.dialect.name], values).scalar_one()
    return Lease(name=name, owner=owner, fence=fence, until=now + ttl_ms)


def get_owner(tx: Connection, name: str) -> str | None:
    """Return the owner that holds the lease or let it expire; None when it is free or released."""
    return tx.execute(select(_c.owner).where(_c.name == name)).scalar()


def renew(tx: Connection, lease: Lease, now: int, ttl_ms: int) -> bool:
    """Extend the lease to ``now + ttl_ms``; return False when another owner has acquired it."""
    statement = update(leases).where(*_still_held(lease)).values(until=now + ttl_ms)
    return tx.execute(statement).rowcount == 1


def is_held(tx: Connection, lease: Lease) -> bool:
    """Return whether the lease is still held; no other owner can acquire it until ``tx`` ends."""
    statement = select(_c.name).where(*_still_held(lease)).with_for_update(read=True)
    return tx.execute(statement).first() is not None


def release(tx: Connection, lease: Lease) -> None:
    """Free the lease, if it is still held. The next owner gets a higher fence."""
    tx.execute(update(leases).where(*_still_held(lease)).values(owner=None, until=0))


def expire_all(tx: Connection, owner: str, *, now: int) -> int:
    """Expire every lease of a dead owner, and return how many.

    The next owner of each gets a higher fence.
    """
    statement = update(leases).where(_c.owner == owner, _c.until > now).values(until=now)
    return tx.execute(statement).rowcount


def any_held(tx: Connection, prefix: str, *, now: int) -> bool:
    """Return whether a lease whose name begins with ``prefix`` is held."""
    statement = select(_c.name).where(_c.name.startswith(prefix, autoescape=True), _c.until > now)
    return tx.execute(statement.limit(1)).first() is not None


def names_held_by_others(tx: Connection, prefix: str, *, owner: str, now: int) -> set[str]:
    """Return the names, without ``prefix``, of the leases that other owners hold."""
    statement = select(_c.name).where(
        _c.name.startswith(prefix, autoescape=True), _c.owner != owner, _c.until > now
    )
    return {name.removeprefix(prefix) for name in tx.execute(statement).scalars()}


def _still_held(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return _c.name == lease.name, _c.owner == lease.owner, _c.fence == lease.fence
