"""What the catalog's tables have in common: ids, names, the clock, pages, and lists of ids."""

import re
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Select, Table, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MAX_PARAMETERS = 500

T = TypeVar("T")


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


def validate_id(text: str) -> str:
    """``text``, when it may be the id of a workspace, product or project.

    Raises:
        ValueError: it is not 1 to 128 characters of letters, digits and ``. _ : -``.
    """
    if not _ID.fullmatch(text):
        raise ValueError(
            f"{text[:128]!r} cannot be an id: use 1 to 128 of the characters A-Z a-z 0-9 . _ : -"
        )
    return text


def validate_name(text: str) -> str:
    """``text``, when it may name something: 1 to 256 characters, not all of them white space.

    Raises:
        ValueError: it may not.
    """
    if not text.strip() or len(text) > 256:
        raise ValueError("A name or label must have 1 to 256 characters")
    return text


def paginate_by_creation(
    statement: Select[Any], table: Table, workspace_id: str, *, limit: int, after: str | None
) -> Select[Any]:
    """A page of ``statement`` by creation; ``after`` is the id of the last row of the one before.

    An ``after`` that is no row of the workspace gives an empty page.
    """
    c = table.c
    if after is not None:
        last = select(c.created_at).where(c.workspace_id == workspace_id, c.id == after)
        statement = statement.where(
            tuple_(c.created_at, c.id) > tuple_(last.scalar_subquery(), after)
        )
    return statement.where(c.workspace_id == workspace_id).order_by(c.created_at, c.id).limit(limit)


def chunked(items: Iterable[T]) -> Iterator[list[T]]:
    """``items`` in lists short enough to be the parameters of one statement."""
    rest = iter(items)
    while chunk := list(islice(rest, _MAX_PARAMETERS)):
        yield chunk


def insert_into(dialect_name: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say ON CONFLICT, which each dialect has as its own construct."""
    return (sqlite.insert if dialect_name == "sqlite" else postgresql.insert)(table)
