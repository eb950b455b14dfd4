"""The tables' schemas, and rows to and from Arrow.

pyarrow carries no types, so what it returns stays inside this module and
:mod:`everlake.lake.dataset`.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeArgument=false, reportMissingTypeStubs=false
# Reason: pyarrow has neither annotations nor stubs.

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from everlake.contract.envelope import Participant
from everlake.lake.filters import participant_keys
from everlake.lake.rows import Arrival, ArrivedRecord, AttachedText, Words, ordinals

Table: TypeAlias = Any
Batch: TypeAlias = Any
Schema: TypeAlias = Any
Field: TypeAlias = Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVENT_AT = pa.timestamp("us", "UTC")

_IDENTITY = [
    pa.field("record_id", pa.string(), nullable=False),
    pa.field("version", pa.int64(), nullable=False),
]

RECORDS: Schema = pa.schema(
    [
        *_IDENTITY,
        ("batch_id", pa.string()),
        ("source", pa.string()),
        ("type", pa.string()),
        ("event_at", _EVENT_AT),
        ("product_id", pa.string()),
        ("project_ids", pa.list_(pa.string())),
        ("nature", pa.string()),
        ("thread_id", pa.string()),
        (
            "participants",
            pa.list_(
                pa.struct([(name, pa.string()) for name in ("id", "role", "name", "email", "type")])
            ),
        ),
        ("participant_keys", pa.list_(pa.string())),
        ("vendor_ids", pa.map_(pa.string(), pa.string())),
        ("tags", pa.list_(pa.string())),
        ("ingested_at", pa.timestamp("ms", "UTC")),
        ("data_bytes", pa.int64()),
        ("envelope", pa.large_string()),
        ("data", pa.large_string()),
    ]
)
"""One row a record, the last arrival.

``participant_keys`` holds the participants' ids and lower-case emails, for filters: SQL over a
list of structs cannot ask for one member. ``data_bytes`` is the length of ``data``.
"""

ARRIVALS: Schema = pa.schema([*_IDENTITY, ("batch_id", pa.string())])
"""Every accepted record of every landing; one landing may stand here twice after a crash."""

UTTERANCES: Schema = pa.schema(
    [
        *_IDENTITY,
        pa.field("ordinal", pa.int32(), nullable=False),
        ("type", pa.string()),
        ("batch_id", pa.string()),
        ("product_id", pa.string()),
        ("project_ids", pa.list_(pa.string())),
        ("source", pa.string()),
        ("event_at", _EVENT_AT),
        ("speaker", pa.string()),
        ("role", pa.string()),
        ("said_at", pa.string()),
        ("text", pa.large_string()),
        ("attachment_id", pa.string()),
        ("attachment", pa.string()),
    ]
)
"""What was said in each record, in order of ``ordinal``: :func:`everlake.lake.rows.ordinals`.

The last two columns came later: tables that were made before get them from their next writer.
"""

_BYTES = frozenset({"envelope", "data"})


def records_table(rows: Sequence[ArrivedRecord]) -> Table:
    """Rows of :data:`RECORDS`.

    Raises:
        ValueError: ``data`` or ``envelope`` is not UTF-8, or ``event_at`` not a time.
    """
    columns = {
        "record_id": [row.record_id for row in rows],
        "version": [row.version for row in rows],
        "batch_id": [row.batch_id for row in rows],
        "source": [row.source for row in rows],
        "type": [row.record_type for row in rows],
        "event_at": _instants([row.event_at for row in rows]),
        "product_id": [row.product_id for row in rows],
        "project_ids": [row.project_ids for row in rows],
        "nature": [row.nature for row in rows],
        "thread_id": [row.thread_id for row in rows],
        "participants": [msgspec.to_builtins(row.participants) for row in rows],
        "participant_keys": [_keys(row.participants) for row in rows],
        "vendor_ids": [list(row.vendor_ids.items()) for row in rows],
        "tags": [row.tags for row in rows],
        "ingested_at": [row.ingested_at for row in rows],
        "data_bytes": [len(row.data) for row in rows],
        "envelope": _text([row.envelope for row in rows]),
        "data": _text([row.data for row in rows]),
    }
    return pa.table(columns, schema=RECORDS)


def arrivals_table(rows: Sequence[Arrival]) -> Table:
    """Rows of :data:`ARRIVALS`."""
    columns = {
        "record_id": [row.record_id for row in rows],
        "version": [row.version for row in rows],
        "batch_id": [row.batch_id for row in rows],
    }
    return pa.table(columns, schema=ARRIVALS)


def utterances_table(texts: Collection[Words]) -> Table:
    """Rows of :data:`UTTERANCES`.

    Raises:
        ValueError: a text has too many utterances, or an ``attachment_id`` is not valid Unicode.
    """
    lines = [
        (words, ordinal, said)
        for words in texts
        for ordinal, said in zip(ordinals(words), words.utterances, strict=True)
    ]
    sources = [words if isinstance(words, AttachedText) else None for words, _, _ in lines]
    columns = {
        "record_id": [words.record_id for words, _, _ in lines],
        "version": [words.version for words, _, _ in lines],
        "ordinal": [ordinal for _, ordinal, _ in lines],
        "type": [words.record_type for words, _, _ in lines],
        "batch_id": [words.batch_id for words, _, _ in lines],
        "product_id": [words.product_id for words, _, _ in lines],
        "project_ids": [words.project_ids for words, _, _ in lines],
        "source": [words.source for words, _, _ in lines],
        "event_at": _instants([words.event_at for words, _, _ in lines]),
        "speaker": [_valid(said.speaker) for _, _, said in lines],
        "role": [said.role for _, _, said in lines],
        "said_at": [_valid(said.said_at) for _, _, said in lines],
        "text": [_valid(said.text) for _, _, said in lines],
        "attachment_id": [None if one is None else one.attachment_id for one in sources],
        "attachment": [None if one is None else _valid(one.name) for one in sources],
    }
    return pa.table(columns, schema=UTTERANCES)


def keys_table(names: Sequence[str], keys: Collection[tuple[Any, ...]]) -> Table:
    """Values of these columns of :data:`UTTERANCES`, of which there is at least one each."""
    schema = pa.schema([UTTERANCES.field(name) for name in names])
    return pa.table([list(values) for values in zip(*keys, strict=True)], schema=schema)


def lacking(has: Schema, wanted: Schema) -> list[Field]:
    """The columns of ``wanted`` that ``has`` does not have."""
    there = set(has.names)
    return [field for field in wanted if field.name not in there]


def extended(schema: Schema, fields: Sequence[Field]) -> Schema:
    """``schema`` with further columns at its end."""
    return pa.schema([*schema, *fields])


def with_nulls(rows: Any, columns: Sequence[str], fields: Sequence[Field]) -> Any:
    """Rows (a table or a batch) with ``columns`` in this order, nulls in those of ``fields``.

    A ``_rowid`` stays at the end.
    """
    kinds = {field.name: field for field in fields}
    names = [*columns, *(name for name in rows.schema.names if name == "_rowid")]
    schema = pa.schema([kinds.get(name) or rows.schema.field(name) for name in names])
    made = [
        pa.nulls(rows.num_rows, kinds[name].type) if name in kinds else rows.column(name)
        for name in names
    ]
    return type(rows).from_arrays(made, schema=schema)


def columns(values: Mapping[str, Sequence[Any]]) -> Table:
    """A table of these columns, of the types that their values have."""
    return pa.table(dict(values))


def from_batches(batches: Iterable[Batch], schema: Schema) -> Table:
    """The rows of batches of that schema, of which there may be none."""
    return pa.Table.from_batches(list(batches), schema)


def concatenate(tables: Sequence[Table]) -> Table:
    """The rows of tables of one schema, of which there is at least one."""
    return pa.concat_tables(tables)


def having(table: Table, column: str, values: Iterable[int]) -> Table:
    """The rows whose integer ``column`` is one of ``values``."""
    wanted = pa.array(list(values), pa.int64())
    return table.filter(pc.is_in(table.column(column), value_set=wanted))  # pyright: ignore[reportAttributeAccessIssue]  (made at run time)


def to_rows(table: Table) -> list[dict[str, Any]]:
    """Rows as dictionaries: times as on the wire, JSON texts as bytes."""
    instants = [field.name for field in table.schema if field.type == _EVENT_AT]
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(pa.int64()))
        elif field.name in _BYTES:
            table = table.set_column(index, field.name, table.column(index).cast(pa.large_binary()))
    rows: list[dict[str, Any]] = table.to_pylist()
    for name in instants:
        for row in rows:
            row[name] = _wire_time(row[name])
    return rows


def largest(table: Table, column: str) -> int | None:
    """The largest value of an integer column, None when there are no rows."""
    return pc.max(table.column(column)).as_py()  # pyright: ignore[reportAttributeAccessIssue]  (made at run time)


def counts(table: Table, columns: Sequence[str]) -> list[dict[str, Any]]:
    """How many rows have each combination of values, as ``count_all`` beside the values."""
    return table.group_by(list(columns)).aggregate([([], "count_all")]).to_pylist()


def _instants(texts: list[str]) -> Any:
    return pa.array(texts, pa.string()).cast(_EVENT_AT)


def _wire_time(micros: int) -> str:
    moment = _EPOCH + timedelta(microseconds=micros)
    return moment.replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def _valid(text: str | None) -> str | None:
    """``text`` without the lone surrogates that JSON escapes can make and UTF-8 cannot hold."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def _text(values: list[bytes]) -> Any:
    return pa.array(values, pa.large_binary()).cast(pa.large_string())


def _keys(participants: Sequence[Participant]) -> list[str]:
    return participant_keys(
        [one.id for one in participants],
        [one.email for one in participants if one.email is not msgspec.UNSET],
    )
