"""Column types and schemas of derived tables, so that no other package names Arrow's types."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false
# Reason: pyarrow has neither annotations nor stubs.

from collections.abc import Iterable
from typing import Any, TypeAlias

import pyarrow as pa

ColumnType: TypeAlias = Any
Column: TypeAlias = Any
Schema: TypeAlias = Any

TEXT: ColumnType = pa.string()
LARGE_TEXT: ColumnType = pa.large_string()
"""Text that may be megabytes long. No filter is pushed down to such a column."""

INTEGER: ColumnType = pa.int64()
SMALL_INTEGER: ColumnType = pa.int32()
EVENT_TIME: ColumnType = pa.timestamp("us", "UTC")
"""A time written and read as ``YYYY-MM-DDTHH:MM:SSZ``."""

UNIX_TIME: ColumnType = pa.timestamp("ms", "UTC")
"""A time written and read as Unix milliseconds."""

TEXT_LIST: ColumnType = pa.list_(pa.string())
TEXT_MAP: ColumnType = pa.map_(pa.string(), pa.string())


def text_structs(*names: str) -> ColumnType:
    """Return the type of a list of structs whose members are texts of these names."""
    return pa.list_(pa.struct([(name, pa.string()) for name in names]))


def column(name: str, kind: ColumnType, *, required: bool = False) -> Column:
    """Return a column; ``required`` refuses nulls."""
    return pa.field(name, kind, nullable=not required)


def schema(columns: Iterable[Column]) -> Schema:
    """Return the schema of a table with these columns, in order."""
    return pa.schema(list(columns))


IDENTITY_COLUMNS: tuple[Column, ...] = (
    column("record_id", TEXT, required=True),
    column("version", INTEGER, required=True),
)
"""The record and its version that a row is derived from; every derived table begins with them."""
