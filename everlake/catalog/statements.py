"""Statements that several catalog modules build: inserts, pages, and lists of parameters."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Select, Table, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

MAX_PARAMETERS = 500
"""Most values in one ``IN``; longer lists take several statements."""

_DIALECTS = ("sqlite", "postgresql")

T = TypeVar("T")


def per_dialect(build: Callable[[str], T]) -> dict[str, T]:
    """Return what ``build`` makes for each dialect, by the dialect's name."""
    return {dialect: build(dialect) for dialect in _DIALECTS}


def insert_into(dialect_name: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that supports ON CONFLICT, which each dialect has as its own construct."""
    return (sqlite.insert if dialect_name == "sqlite" else postgresql.insert)(table)


def insert_new(tx: Connection, table: Table, row: msgspec.Struct) -> bool:
    """Insert a row whose fields are columns; return False when its primary key is taken."""
    statement = insert_into(tx.dialect.name, table).on_conflict_do_nothing().returning(table.c.id)
    return tx.execute(statement, msgspec.structs.asdict(row)).first() is not None


def paginate_by_creation(
    statement: Select[Any],
    table: Table,
    workspace_id: str | None = None,
    *,
    limit: int | None,
    after: str | None,
) -> Select[Any]:
    """Return a page of ``statement``, ordered by ``created_at`` and ``id``.

    Args:
        statement: selects from ``table``.
        table: has the columns ``created_at`` and ``id``.
        workspace_id: only the rows of this workspace; None for a table without workspaces.
        limit: most rows; None for all.
        after: id of the last row of the page before. One that is not in the table, or is another
            workspace's, gives an empty page.
    """
    c = table.c
    last = select(c.created_at).where(c.id == after).correlate(None)
    if workspace_id is not None:
        statement = statement.where(c.workspace_id == workspace_id)
        last = last.where(c.workspace_id == workspace_id)
    if after is not None:
        statement = statement.where(
            tuple_(c.created_at, c.id) > tuple_(last.scalar_subquery(), after)
        )
    return statement.order_by(c.created_at, c.id).limit(limit)
