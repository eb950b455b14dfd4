"""What a table is made of, where it lies, and what can be wrong with it, in plain values."""

from typing import Any

import msgspec


class LanceError(Exception):
    """Lance could not read or write; the text is its own."""


class TableNotFound(LanceError):
    """There is no table at the path."""


class TableLocation(msgspec.Struct, frozen=True):
    """Where a table lies: a path or a URL, and what the engine must know to get there."""

    uri: str
    options: dict[str, str] | None = None


class Fragment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One piece of a table. ``rows`` counts deleted ones too; ``size`` is in bytes on disk."""

    id: int
    rows: int
    deleted: int
    size: int


class IndexState(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of each part of an index, the oldest part first, and rows in none."""

    segments: list[int]
    unindexed_rows: int


class PreparedWrite(msgspec.Struct, frozen=True, kw_only=True):
    """Data files that are written and do not count yet."""

    transaction: Any
    inserted: int = 0
    updated: int = 0
