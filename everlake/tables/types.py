"""Plain types of the table engine: locations, fragments, index states, prepared writes."""

from typing import Any

import msgspec


class TableLocation(msgspec.Struct, frozen=True):
    """Path or URL of a table, and the engine's options to access it."""

    uri: str
    options: dict[str, str] | None = None


class Fragment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A piece of a table: ``rows`` with the ``deleted`` ones, and its ``size`` on disk in bytes."""

    id: int
    rows: int
    deleted: int
    size: int


class IndexState(msgspec.Struct, frozen=True, kw_only=True):
    """Number of rows in each segment of an index, oldest first, and of rows in none."""

    segments: list[int]
    unindexed_rows: int


class PreparedWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A change whose data files are written but not committed; ``transaction`` is Lance's."""

    transaction: Any
    inserted: int = 0
    updated: int = 0


class MaintenanceStep(msgspec.Struct, frozen=True, kw_only=True):
    """One maintenance action on one table.

    ``amount`` counts compacted fragments (``compact``), indexed rows (``index``) or removed
    versions (``clean``).
    """

    table: str
    action: str
    amount: int
