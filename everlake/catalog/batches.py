"""Batches: what was accepted, and its progress.

Leases and status changes are in :mod:`everlake.catalog.batch_queue`.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, bindparam, select, update

from everlake.batching import chunked
from everlake.catalog.statements import MAX_PARAMETERS
from everlake.catalog.table_definitions import batches
from everlake.contract.batches import BatchStatus
from everlake.contract.ids import first_id_at
from everlake.contract.limits import MAX_ERRORS_SHOWN
from everlake.model.batches import BatchRow, NewBatch

_c = batches.c
_GET = select(batches).where(_c.workspace_id == bindparam("workspace"), _c.id == bindparam("batch"))


INSERTED_COLUMNS = (
    *NewBatch.__struct_fields__,
    *("attachment_complete", "attachment_failed", "due_at", "attempts"),
)
"""Columns of a new batch, without its number."""


def insert(tx: Connection, rows: Sequence[tuple[NewBatch, int]]) -> None:
    """Insert new batches, each with its number from :func:`workspaces.next_sequences`."""
    if rows:
        tx.execute(
            batches.insert(),
            [{**insert_values(batch), "sequence": number} for batch, number in rows],
        )


def insert_values(batch: NewBatch) -> dict[str, Any]:
    """Return the values of :data:`INSERTED_COLUMNS`."""
    return {
        **msgspec.structs.asdict(batch),
        "errors": batch.errors[:MAX_ERRORS_SHOWN],
        "attachment_complete": 0,
        "attachment_failed": 0,
        "due_at": batch.created_at,
        "attempts": 0,
    }


def get(tx: Connection, workspace_id: str, batch_id: str) -> BatchRow | None:
    """Return the workspace's batch with that id; None when there is none."""
    row = tx.execute(_GET, {"workspace": workspace_id, "batch": batch_id}).mappings().first()
    return None if row is None else BatchRow(**row)


def get_many(tx: Connection, ids: Iterable[str]) -> dict[str, BatchRow]:
    """Return the batches with those ids, of any workspace; unknown ids are left out."""
    found: dict[str, BatchRow] = {}
    for chunk in chunked(ids, MAX_PARAMETERS):
        rows = tx.execute(select(batches).where(_c.id.in_(chunk))).mappings()
        found.update((row["id"], BatchRow(**row)) for row in rows)
    return found


def page(
    tx: Connection,
    workspace_id: str,
    *,
    limit: int,
    before: str | None = None,
    status: BatchStatus | None = None,
    type: str | None = None,  # noqa: A002 - the contract's name of the filter
    source: str | None = None,
) -> list[BatchRow]:
    """Return batches by creation, newest first.

    Args:
        limit: most batches.
        before: id of the last batch of the page before.
        status: only batches in this status.
        type: only batches of this record type.
        source: only batches of this source.
    """
    filters = {"status": status, "type": type, "source": source}
    set_filters = {name: value for name, value in filters.items() if value is not None}
    parameters: dict[str, Any] = {"workspace": workspace_id, "most": limit, **set_filters}
    if before is not None:
        parameters["before"] = before
    statement = _page_statement(tuple(set_filters), from_newest=before is None)
    return [BatchRow(**row) for row in tx.execute(statement, parameters).mappings()]


def find_existing_ids(tx: Connection, ids: Iterable[str]) -> set[str]:
    """Return those of ``ids`` that are batches, of any workspace."""
    found: set[str] = set()
    for chunk in chunked(ids, MAX_PARAMETERS):
        found.update(tx.execute(select(_c.id).where(_c.id.in_(chunk))).scalars())
    return found


def find_ids(tx: Connection, workspace_id: str, prefix: str, *, limit: int) -> list[str]:
    """Return the ids of the workspace's batches that begin with ``prefix``, oldest first."""
    statement = (
        select(_c.id)
        .where(_c.workspace_id == workspace_id, _c.id >= prefix, _c.id < prefix + "~")
        .order_by(_c.id)
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())


def list_rejected_paths(
    tx: Connection, *, after: str, created_before: int, limit: int
) -> list[tuple[str, str | None]]:
    """Return batches of all workspaces by id, with the paths of their rejected records.

    Args:
        after: an id; batches up to it are left out.
        created_before: Unix milliseconds; younger batches are left out.
        limit: most batches.
    """
    statement = (
        select(_c.id, _c.rejected_path)
        .where(_c.id > after, _c.id < first_id_at(created_before))
        .order_by(_c.id)
        .limit(limit)
    )
    return [(batch_id, path) for batch_id, path in tx.execute(statement)]


def clear_rejected_paths(tx: Connection, ids: Iterable[str]) -> None:
    """Record that the rejected records of these batches were deleted."""
    for chunk in chunked(ids, MAX_PARAMETERS):
        tx.execute(update(batches).where(_c.id.in_(chunk)).values(rejected_path=None))


@cache
def _page_statement(filters: tuple[str, ...], *, from_newest: bool) -> Select[Any]:
    statement = select(batches).where(_c.workspace_id == bindparam("workspace"))
    for name in filters:
        statement = statement.where(_c[name] == bindparam(name))
    if not from_newest:
        statement = statement.where(_c.id < bindparam("before"))
    return statement.order_by(_c.id.desc()).limit(bindparam("most"))
