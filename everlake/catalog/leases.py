"""Named leases: one holder at a time, and a fence that tells a former one from the present."""

import msgspec
from sqlalchemy import ColumnElement, Connection, Executable, bindparam, case, or_, select, update

from everlake.catalog.statements import insert_into
from everlake.catalog.table_definitions import leases

_c = leases.c


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """``owner`` holds ``name`` until Unix milliseconds ``until``, unless it renews.

    ``fence`` is at least 1 and grows each time the owner changes: whoever writes with a lower
    one than was seen before has lost the lease and does not know it.
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


_ACQUIRE = {
    dialect: _acquire_statement(dialect, force=False) for dialect in ("sqlite", "postgresql")
}
_SEIZE = {dialect: _acquire_statement(dialect, force=True) for dialect in ("sqlite", "postgresql")}


def acquire(tx: Connection, name: str, *, owner: str, now: int, ttl_ms: int) -> Lease | None:
    """Take the lease, or renew it where ``owner`` holds it; None where another one does."""
    values = {"name": name, "owner": owner, "until": now + ttl_ms, "fence": 1, "now": now}
    fence = tx.execute(_ACQUIRE[tx.dialect.name], values).scalar()
    return None if fence is None else Lease(name=name, owner=owner, fence=fence, until=now + ttl_ms)


def seize(tx: Connection, name: str, *, owner: str, now: int, ttl_ms: int) -> Lease:
    """Take the lease from whoever holds it, who finds out when it renews."""
    values = {"name": name, "owner": owner, "until": now + ttl_ms, "fence": 1}
    fence = tx.execute(_SEIZE[tx.dialect.name], values).scalar_one()
    return Lease(name=name, owner=owner, fence=fence, until=now + ttl_ms)


def get_owner(tx: Connection, name: str) -> str | None:
    """Who holds the lease, or held it last and did not release it; None where nobody."""
    return tx.execute(select(_c.owner).where(_c.name == name)).scalar()


def renew(tx: Connection, lease: Lease, now: int, ttl_ms: int) -> bool:
    """Hold the lease until ``now + ttl_ms``; False where another owner has taken it since."""
    statement = update(leases).where(*_still_held(lease)).values(until=now + ttl_ms)
    return tx.execute(statement).rowcount == 1


def is_held(tx: Connection, lease: Lease) -> bool:
    """Whether no one else has taken the lease; until ``tx`` ends, no one can."""
    statement = select(_c.name).where(*_still_held(lease)).with_for_update(read=True)
    return tx.execute(statement).first() is not None


def release(tx: Connection, lease: Lease) -> None:
    """Free the lease, if it is still held; the next to take it gets a higher fence."""
    tx.execute(update(leases).where(*_still_held(lease)).values(owner=None, until=0))


def expire_all(tx: Connection, owner: str, *, now: int) -> int:
    """End every lease of a dead owner; how many. The next to take one gets a higher fence."""
    statement = update(leases).where(_c.owner == owner, _c.until > now).values(until=now)
    return tx.execute(statement).rowcount


def any_held(tx: Connection, prefix: str, *, now: int) -> bool:
    """Whether anybody holds a lease whose name begins like that."""
    statement = select(_c.name).where(_c.name.startswith(prefix, autoescape=True), _c.until > now)
    return tx.execute(statement.limit(1)).first() is not None


def names_held_by_others(tx: Connection, prefix: str, *, owner: str, now: int) -> set[str]:
    """What follows ``prefix`` in the names of leases that others than ``owner`` hold."""
    statement = select(_c.name).where(
        _c.name.startswith(prefix, autoescape=True), _c.owner != owner, _c.until > now
    )
    return {name.removeprefix(prefix) for name in tx.execute(statement).scalars()}


def _still_held(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return _c.name == lease.name, _c.owner == lease.owner, _c.fence == lease.fence
