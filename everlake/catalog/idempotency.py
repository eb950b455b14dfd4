"""Idempotency keys and their stored responses (contract, Idempotency-Key)."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, bindparam, delete, select

from everlake.catalog.statements import insert_into, per_dialect
from everlake.catalog.table_definitions import idempotency

_c = idempotency.c
_FIND = select(_c.key, _c.body_hash, _c.response, _c.batch_id, _c.created_at).where(
    _c.workspace_id == bindparam("workspace"), _c.key == bindparam("wanted")
)
_STORE = per_dialect(
    lambda dialect: (
        insert_into(dialect, idempotency)
        .on_conflict_do_nothing(index_elements=[_c.workspace_id, _c.key])
        .returning(_c.key)
    )
)


class IdempotentResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A stored 202 response.

    Attributes:
        body_hash: of the request body that it answered.
        response: its body, byte for byte.
        created_at: Unix milliseconds.
    """

    key: str
    body_hash: bytes
    response: bytes
    batch_id: str
    created_at: int


def find(tx: Connection, workspace_id: str, key: str) -> IdempotentResponse | None:
    """Return the response that is stored under ``key``; None when there is none."""
    row = tx.execute(_FIND, {"workspace": workspace_id, "wanted": key}).mappings().first()
    return None if row is None else IdempotentResponse(**row)


def store(tx: Connection, workspace_id: str, rows: Sequence[IdempotentResponse]) -> list[bool]:
    """Store responses; return for each whether its key was new. The first one of a key stays."""
    if not rows:
        return []
    values = [{"workspace_id": workspace_id, **msgspec.structs.asdict(row)} for row in rows]
    new = set(tx.execute(_STORE[tx.dialect.name], values).scalars())
    stored: list[bool] = []
    for row in rows:
        stored.append(row.key in new)
        new.discard(row.key)
    return stored


def delete_before(tx: Connection, *, created_before: int, limit: int) -> int:
    """Delete up to ``limit`` responses, of all workspaces, and return how many.

    Args:
        created_before: Unix milliseconds; younger responses stay.
    """
    old = (
        select(_c.workspace_id, _c.key)
        .where(_c.created_at < created_before)
        .order_by(_c.created_at)
        .limit(limit)
    )
    found = [tuple(row) for row in tx.execute(old)]
    statement = delete(idempotency).where(
        _c.workspace_id == bindparam("workspace"), _c.key == bindparam("old")
    )
    if found:
        tx.execute(statement, [{"workspace": ws, "old": key} for ws, key in found])
    return len(found)
