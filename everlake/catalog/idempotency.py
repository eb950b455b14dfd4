"""Answers that are given again (contract, Idempotency-Key)."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, bindparam, delete, select

from everlake.catalog.statements import insert_into
from everlake.catalog.table_definitions import idempotency

_c = idempotency.c
_FIND = select(_c.key, _c.body_hash, _c.response, _c.batch_id, _c.created_at).where(
    _c.workspace_id == bindparam("workspace"), _c.key == bindparam("wanted")
)
_STORE = {
    dialect: insert_into(dialect, idempotency)
    .on_conflict_do_nothing(index_elements=[_c.workspace_id, _c.key])
    .returning(_c.key)
    for dialect in ("sqlite", "postgresql")
}


class IdempotentResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A 202 answer (``response``, byte for byte) and the hash of the body that earned it."""

    key: str
    body_hash: bytes
    response: bytes
    batch_id: str
    created_at: int


def find(tx: Connection, workspace_id: str, key: str) -> IdempotentResponse | None:
    """What is remembered under ``key``."""
    row = tx.execute(_FIND, {"workspace": workspace_id, "wanted": key}).mappings().first()
    return None if row is None else IdempotentResponse(**row)


def store(tx: Connection, workspace_id: str, rows: Sequence[IdempotentResponse]) -> list[bool]:
    """Remember ``rows``; for each, whether its key was new. The first under a key stays."""
    if not rows:
        return []
    values = [{"workspace_id": workspace_id, **msgspec.structs.asdict(row)} for row in rows]
    new = set(tx.execute(_STORE[tx.dialect.name], values).scalars())
    verdicts: list[bool] = []
    for row in rows:
        verdicts.append(row.key in new)
        new.discard(row.key)
    return verdicts


def delete_before(tx: Connection, *, created_before: int, limit: int) -> int:
    """Forget up to ``limit`` answers, of all workspaces, from before that time; how many."""
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
