"""The tables' schemas, and rows to and from Arrow.

pyarrow carries no types, so what it returns stays inside this module and
:mod:`everlake.tables.snapshot`.
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
from everlake.model.records import (
    ArrivedRecord,
    AttachmentUtterances,
    RecordArrival,
    UtteranceGroup,
    ordinals,
)

ArrowTable: TypeAlias = Any
ArrowBatch: TypeAlias = Any
ArrowSchema: TypeAlias = Any
ArrowField: TypeAlias = Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVENT_AT_TYPE = pa.timestamp("us", "UTC")

_IDENTITY_FIELDS = [
    pa.field("record_id", pa.string(), nullable=False),
    pa.field("version", pa.int64(), nullable=False),
]

RECORDS_SCHEMA: ArrowSchema = pa.schema(
    [
        *_IDENTITY_FIELDS,
        ("batch_id", pa.string()),
        ("source", pa.string()),
        ("type", pa.string()),
        ("event_at", _EVENT_AT_TYPE),
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

ARRIVALS_SCHEMA: ArrowSchema = pa.schema([*_IDENTITY_FIELDS, ("batch_id", pa.string())])
"""Every accepted record of every landing; one landing may stand here twice after a crash."""

UTTERANCES_SCHEMA: ArrowSchema = pa.schema(
    [
        *_IDENTITY_FIELDS,
        pa.field("ordinal", pa.int32(), nullable=False),
        ("type", pa.string()),
        ("batch_id", pa.string()),
        ("product_id", pa.string()),
        ("project_ids", pa.list_(pa.string())),
        ("source", pa.string()),
        ("event_at", _EVENT_AT_TYPE),
        ("speaker", pa.string()),
        ("role", pa.string()),
        ("said_at", pa.string()),
        ("text", pa.large_string()),
        ("attachment_id", pa.string()),
        ("attachment", pa.string()),
    ]
)
"""What was said in each record, in order of ``ordinal``: :func:`everlake.model.records.ordinals`.

The last two columns came later: tables that were made before get them from their next writer.
"""

_BYTES_COLUMNS = frozenset({"envelope", "data"})


def records_table(rows: Sequence[ArrivedRecord]) -> ArrowTable:
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
        "event_at": _timestamp_array([row.event_at for row in rows]),
        "product_id": [row.product_id for row in rows],
        "project_ids": [row.project_ids for row in rows],
        "nature": [row.nature for row in rows],
        "thread_id": [row.thread_id for row in rows],
        "participants": [msgspec.to_builtins(row.participants) for row in rows],
        "participant_keys": [_participant_keys(row.participants) for row in rows],
        "vendor_ids": [list(row.vendor_ids.items()) for row in rows],
        "tags": [row.tags for row in rows],
        "ingested_at": [row.ingested_at for row in rows],
        "data_bytes": [len(row.data) for row in rows],
        "envelope": _text_array([row.envelope for row in rows]),
        "data": _text_array([row.data for row in rows]),
    }
    return pa.table(columns, schema=RECORDS_SCHEMA)


def arrivals_table(rows: Sequence[RecordArrival]) -> ArrowTable:
    """Rows of :data:`ARRIVALS`."""
    columns = {
        "record_id": [row.record_id for row in rows],
        "version": [row.version for row in rows],
        "batch_id": [row.batch_id for row in rows],
    }
    return pa.table(columns, schema=ARRIVALS_SCHEMA)


def utterances_table(groups: Collection[UtteranceGroup]) -> ArrowTable:
    """Rows of :data:`UTTERANCES`.

    Raises:
        ValueError: a text has too many utterances, or an ``attachment_id`` is not valid Unicode.
    """
    lines = [
        (words, ordinal, said)
        for words in groups
        for ordinal, said in zip(ordinals(words), words.utterances, strict=True)
    ]
    sources = [words if isinstance(words, AttachmentUtterances) else None for words, _, _ in lines]
    columns = {
        "record_id": [words.record_id for words, _, _ in lines],
        "version": [words.version for words, _, _ in lines],
        "ordinal": [ordinal for _, ordinal, _ in lines],
        "type": [words.record_type for words, _, _ in lines],
        "batch_id": [words.batch_id for words, _, _ in lines],
        "product_id": [words.product_id for words, _, _ in lines],
        "project_ids": [words.project_ids for words, _, _ in lines],
        "source": [words.source for words, _, _ in lines],
        "event_at": _timestamp_array([words.event_at for words, _, _ in lines]),
        "speaker": [_replace_surrogates(said.speaker) for _, _, said in lines],
        "role": [said.role for _, _, said in lines],
        "said_at": [_replace_surrogates(said.said_at) for _, _, said in lines],
        "text": [_replace_surrogates(said.text) for _, _, said in lines],
        "attachment_id": [None if one is None else one.attachment_id for one in sources],
        "attachment": [None if one is None else _replace_surrogates(one.name) for one in sources],
    }
    return pa.table(columns, schema=UTTERANCES_SCHEMA)


def keys_table(names: Sequence[str], keys: Collection[tuple[Any, ...]]) -> ArrowTable:
    """Values of these columns of :data:`UTTERANCES`, of which there is at least one each."""
    schema = pa.schema([UTTERANCES_SCHEMA.field(name) for name in names])
    return pa.table([list(values) for values in zip(*keys, strict=True)], schema=schema)


def missing_fields(actual: ArrowSchema, wanted: ArrowSchema) -> list[ArrowField]:
    """The columns of ``wanted`` that ``actual`` does not have."""
    there = set(actual.names)
    return [field for field in wanted if field.name not in there]


def with_fields(schema: ArrowSchema, fields: Sequence[ArrowField]) -> ArrowSchema:
    """``schema`` with further columns at its end."""
    return pa.schema([*schema, *fields])


def with_nulls(rows: Any, columns: Sequence[str], fields: Sequence[ArrowField]) -> Any:
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


def from_columns(values: Mapping[str, Sequence[Any]]) -> ArrowTable:
    """A table of these columns, of the types that their values have."""
    return pa.table(dict(values))


def from_batches(batches: Iterable[ArrowBatch], schema: ArrowSchema) -> ArrowTable:
    """The rows of batches of that schema, of which there may be none."""
    return pa.Table.from_batches(list(batches), schema)


def concatenate(tables: Sequence[ArrowTable]) -> ArrowTable:
    """The rows of tables of one schema, of which there is at least one."""
    return pa.concat_tables(tables)


def filter_by_values(table: ArrowTable, column: str, values: Iterable[int]) -> ArrowTable:
    """The rows whose integer ``column`` is one of ``values``."""
    wanted = pa.array(list(values), pa.int64())
    return table.filter(pc.is_in(table.column(column), value_set=wanted))  # pyright: ignore[reportAttributeAccessIssue]  (made at run time)


def to_rows(table: ArrowTable) -> list[dict[str, Any]]:
    """Rows as dictionaries: times as on the wire, JSON texts as bytes."""
    instants = [field.name for field in table.schema if field.type == _EVENT_AT_TYPE]
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(pa.int64()))
        elif field.name in _BYTES_COLUMNS:
            table = table.set_column(index, field.name, table.column(index).cast(pa.large_binary()))
    rows: list[dict[str, Any]] = table.to_pylist()
    for name in instants:
        for row in rows:
            row[name] = _format_time(row[name])
    return rows


def max_value(table: ArrowTable, column: str) -> int | None:
    """The largest value of an integer column, None when there are no rows."""
    return pc.max(table.column(column)).as_py()  # pyright: ignore[reportAttributeAccessIssue]  (made at run time)


def count_by(table: ArrowTable, columns: Sequence[str]) -> list[dict[str, Any]]:
    """How many rows have each combination of values, as ``count_all`` beside the values."""
    return table.group_by(list(columns)).aggregate([([], "count_all")]).to_pylist()


def _timestamp_array(texts: list[str]) -> Any:
    return pa.array(texts, pa.string()).cast(_EVENT_AT_TYPE)


def _format_time(micros: int) -> str:
    moment = _EPOCH + timedelta(microseconds=micros)
    return moment.replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def _replace_surrogates(text: str | None) -> str | None:
    """``text`` without the lone surrogates that JSON escapes can make and UTF-8 cannot hold."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def _text_array(values: list[bytes]) -> Any:
    return pa.array(values, pa.large_binary()).cast(pa.large_string())


def _participant_keys(participants: Sequence[Participant]) -> list[str]:
    return participant_keys(
        [one.id for one in participants],
        [one.email for one in participants if one.email is not msgspec.UNSET],
    )
