"""Conversion between plain Python values and Arrow tables.

pyarrow has no type annotations, so its values are opaque (``Any``) to other packages.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeArgument=false, reportMissingTypeStubs=false
# Reason: pyarrow has neither annotations nor stubs.

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from everlake.tables.columns import EVENT_TIME

ArrowTable: TypeAlias = Any
ArrowBatch: TypeAlias = Any
ArrowSchema: TypeAlias = Any
ArrowField: TypeAlias = Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_columns(columns: Mapping[str, Sequence[Any]], schema: ArrowSchema = None) -> ArrowTable:
    """Return a table of these columns.

    Args:
        columns: the values of each column: plain Python values, times as texts, JSON texts as
            bytes.
        schema: the table's schema; None to take the types from the values.

    Raises:
        ValueError: a text is not valid UTF-8, or a time not ``YYYY-MM-DDTHH:MM:SSZ``.
    """
    if schema is None:
        return pa.table(dict(columns))
    arrays = {field.name: _array(columns[field.name], field.type) for field in schema}
    return pa.table(arrays, schema=schema)


def keys_table(
    schema: ArrowSchema, names: Sequence[str], keys: Collection[tuple[Any, ...]]
) -> ArrowTable:
    """Return the columns ``names`` of ``schema`` with the values of ``keys``, at least one."""
    wanted = pa.schema([schema.field(name) for name in names])
    return pa.table([list(values) for values in zip(*keys, strict=True)], schema=wanted)


def missing_fields(actual: ArrowSchema, wanted: ArrowSchema) -> list[ArrowField]:
    """Return the columns of ``wanted`` that ``actual`` does not have."""
    there = set(actual.names)
    return [field for field in wanted if field.name not in there]


def shared_columns(schema: ArrowSchema, other: ArrowSchema) -> list[str]:
    """Return the names of columns that both schemas have with the same type, in order."""
    types = {field.name: field.type for field in other}
    return [field.name for field in schema if types.get(field.name) == field.type]


def with_fields(schema: ArrowSchema, fields: Sequence[ArrowField]) -> ArrowSchema:
    """Return ``schema`` with further columns at its end."""
    return pa.schema([*schema, *fields])


def with_nulls(rows: Any, columns: Sequence[str], fields: Sequence[ArrowField]) -> Any:
    """Return a table or batch with ``columns`` in this order, those of ``fields`` all null.

    A column ``_rowid`` of ``rows`` follows as the last one.
    """
    kinds = {field.name: field for field in fields}
    names = [*columns, *(name for name in rows.schema.names if name == "_rowid")]
    schema = pa.schema([kinds.get(name) or rows.schema.field(name) for name in names])
    made = [
        pa.nulls(rows.num_rows, kinds[name].type) if name in kinds else rows.column(name)
        for name in names
    ]
    return type(rows).from_arrays(made, schema=schema)


def from_batches(batches: Iterable[ArrowBatch], schema: ArrowSchema) -> ArrowTable:
    """Return a table of the rows of batches of that schema; there may be none."""
    return pa.Table.from_batches(list(batches), schema)


def concatenate(tables: Sequence[ArrowTable]) -> ArrowTable:
    """Return the rows of one or more tables of one schema as one table."""
    return pa.concat_tables(tables)


def filter_by_values(table: ArrowTable, column: str, values: Iterable[int]) -> ArrowTable:
    """Return the rows whose integer ``column`` is one of ``values``."""
    wanted = pa.array(list(values), pa.int64())
    return table.filter(pc.is_in(table.column(column), value_set=wanted))  # pyright: ignore[reportAttributeAccessIssue]  (made at run time)


def to_rows(table: ArrowTable, as_bytes: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return rows as dictionaries, times as on the wire.

    Args:
        table: the rows.
        as_bytes: text columns whose values become UTF-8 bytes.
    """
    event_times = [field.name for field in table.schema if field.type == EVENT_TIME]
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(pa.int64()))
        elif field.name in as_bytes:
            table = table.set_column(index, field.name, table.column(index).cast(pa.large_binary()))
    rows: list[dict[str, Any]] = table.to_pylist()
    for name in event_times:
        for row in rows:
            row[name] = _format_time(row[name])
    return rows


def max_value(table: ArrowTable, column: str) -> int | None:
    """Return the largest value of an integer column, None for a table without rows."""
    return pc.max(table.column(column)).as_py()  # pyright: ignore[reportAttributeAccessIssue]  (made at run time)


def count_by(table: ArrowTable, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return each combination of values, and as ``count_all`` the number of rows that have it."""
    return table.group_by(list(columns)).aggregate([([], "count_all")]).to_pylist()


def _array(values: Sequence[Any], kind: Any) -> Any:
    if kind == EVENT_TIME:
        return pa.array(values, pa.string()).cast(EVENT_TIME)
    if pa.types.is_large_string(kind) and values and isinstance(values[0], bytes):
        return pa.array(values, pa.large_binary()).cast(kind)  # the cast checks that it is UTF-8
    return pa.array(values, kind)


def _format_time(micros: int) -> str:
    moment = _EPOCH + timedelta(microseconds=micros)
    return moment.replace(tzinfo=None, microsecond=0).isoformat() + "Z"
