"""Merge of accepted records into the tables of records and arrivals."""

from collections.abc import Generator, Iterable, Sequence

import msgspec

from everlake.batching import group_by_size
from everlake.lake.arrivals import ARRIVALS_TABLE, arrivals_to_arrow
from everlake.lake.record_rows import RECORDS_TABLE, records_to_arrow
from everlake.model.records import ArrivedRecord, MergeResult, record_size
from everlake.tables.arrow import ArrowTable
from everlake.tables.engine import TableEngine
from everlake.tables.snapshot import Snapshot
from everlake.tables.table import TableWriter
from everlake.tables.types import PreparedWrite

MERGED_TABLES = frozenset({RECORDS_TABLE.name, ARRIVALS_TABLE.name})
"""Names of the tables that :func:`merge` writes."""

MERGE_BYTES = 16 * 1024 * 1024
"""Text of the records in one merge: the engine gives a join 300 MB, and a row takes a multiple."""

MAX_UNINDEXED_BYTES = 24 * 1024 * 1024
"""A merge with the index reads all rows outside it. With more ``data`` than this in these rows, it
does not use the index."""

KEYS_SCANNED_PER_LOOKUP = 2_500
"""Reading a key takes about 0.12 µs; looking one up in an index of 10 million, about 300 µs."""


class MergeInput(msgspec.Struct, frozen=True, kw_only=True):
    """Rows for one merge: each record once, and all arrivals, those of the records included."""

    records: ArrowTable
    arrivals: ArrowTable


def merge_inputs(rows: Sequence[ArrivedRecord]) -> Generator[MergeInput]:
    """Yield ``rows`` in portions of about :data:`MERGE_BYTES`, only the last version of a record.

    Raises:
        ValueError: a text of a row is not UTF-8.
    """
    latest: dict[str, ArrivedRecord] = {}
    for row in rows:
        known = latest.get(row.record_id)
        if known is None or known.version < row.version:
            latest[row.record_id] = row
    older = [row for row in rows if latest[row.record_id] is not row]
    for some in group_by_size(latest.values(), record_size, max_size=MERGE_BYTES, overshoot=True):
        arrived = [*some, *older]
        older = []
        yield MergeInput(records=records_to_arrow(some), arrivals=arrivals_to_arrow(arrived))


def merge(engine: TableEngine, workspace_id: str, inputs: Iterable[MergeInput]) -> MergeResult:
    """Merge portions one after another; only one of them need be in memory at a time.

    No record is stored before its arrival is listed.
    """
    received = inserted = replaced = 0
    for portion in inputs:
        done = _merge_portion(engine, workspace_id, portion)
        received += portion.arrivals.num_rows
        inserted += done.inserted
        replaced += done.updated
    return MergeResult(received=received, inserted=inserted, replaced=replaced)


def merge_records(engine: TableEngine, workspace_id: str, rows: Sequence[ArrivedRecord]) -> None:
    """Merge records without listing their arrivals."""
    for portion in merge_inputs(rows):
        with engine.table(workspace_id, RECORDS_TABLE).writing() as writer:
            _commit(writer, _prepare(writer, portion.records))


def _merge_portion(engine: TableEngine, workspace_id: str, portion: MergeInput) -> PreparedWrite:
    with engine.table(workspace_id, RECORDS_TABLE).writing() as writer:
        prepared = _prepare(writer, portion.records)
        # Not before the large files are written: on a full disk each try would add rows here.
        with engine.table(workspace_id, ARRIVALS_TABLE).writing() as arrivals:
            arrivals.append(portion.arrivals)
        _commit(writer, prepared)
    return prepared


def _prepare(writer: TableWriter, records: ArrowTable) -> PreparedWrite:
    use_index = _should_use_index(writer.snapshot, records.num_rows)
    return writer.prepare_merge(
        records, "record_id", "source.version > target.version", use_index=use_index
    )


def _commit(writer: TableWriter, prepared: PreparedWrite) -> None:
    if prepared.inserted or prepared.updated:
        writer.commit(prepared)


def _should_use_index(now: Snapshot, rows: int) -> bool:
    """Return whether to look up ``rows`` keys in the index, instead of reading all keys."""
    if now.count() < rows * KEYS_SCANNED_PER_LOOKUP:
        return False
    unindexed = now.values("data_bytes", now.unindexed_fragments("record_id"))
    return sum(unindexed) <= MAX_UNINDEXED_BYTES
