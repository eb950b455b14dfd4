"""Salvage: copies a batch's rows from the old tables when its landing object is lost."""

from typing import Any

import msgspec

from everlake.lake import Lake, LakeError
from everlake.lake.record_rows import RECORDS_TABLE, landed_records
from everlake.model.batches import BatchRow
from everlake.tables import arrow
from everlake.tables.conditions import equals
from everlake.tables.registry import DerivedTable
from everlake.tables.snapshot import Snapshot
from everlake.tables.spec import TableSpec, WriteMode


class SalvageResult(msgspec.Struct, frozen=True, kw_only=True):
    """How many records the old tables had, and whether all of these tables could be read."""

    records: int
    readable: bool


class _OtherAnalysis(Exception):
    """The rows of the old table were made by another version of the analysis."""


def salvage_batch(source: Lake, target: Lake, workspace_id: str, batch: BatchRow) -> SalvageResult:
    """Copy the rows that came with a batch to other tables; of each record the latest stays.

    Rows that another version of the analysis made are not copied, but derived again from the
    copied records. May be called again with the same batch.

    Args:
        source: the tables to copy from.
        target: the tables to copy to.
        workspace_id: the workspace.
        batch: the batch.

    Raises:
        LakeUnavailable, LakeDamaged: the target cannot be written.
    """
    records = 0
    readable = True
    for table in target.registry:  # the records come first: they tell which versions are current
        try:
            rows = _read(source, workspace_id, table.spec, batch.id)
        except _OtherAnalysis:
            _derive_again(target, workspace_id, table, batch)
        except LakeError:
            readable = False
        else:
            if rows.num_rows:
                _write(target, workspace_id, table.spec, batch.id, rows)
            if table.spec.mode is WriteMode.LATEST:
                records = max(records, rows.num_rows)
    return SalvageResult(records=records, readable=readable)


def _read(lake: Lake, workspace_id: str, spec: TableSpec, batch_id: str) -> arrow.ArrowTable:
    """Return the rows of a batch.

    Raises:
        _OtherAnalysis: another version of the analysis made them.
        LakeUnavailable, LakeDamaged: the table cannot be read.
    """

    def read(now: Snapshot) -> arrow.ArrowTable:
        if spec.analysis_version not in {None, now.analysis_version}:
            raise _OtherAnalysis
        batches = now.stream(spec.schema.names, equals("batch_id", batch_id))
        return arrow.from_batches(batches, spec.schema)

    return lake.engine.table(workspace_id, spec).read(read, spec.schema.empty_table())


def _write(
    lake: Lake, workspace_id: str, spec: TableSpec, batch_id: str, rows: arrow.ArrowTable
) -> None:
    with lake.engine.table(workspace_id, spec).writing() as writer:
        match spec.mode:
            case WriteMode.LATEST:
                merge = writer.prepare_merge(
                    rows, "record_id", "source.version > target.version", use_index=True
                )
                if merge.inserted or merge.updated:
                    writer.commit(merge)
            case WriteMode.APPEND:
                if not writer.snapshot.select(["record_id"], equals("batch_id", batch_id)):
                    writer.append(rows)
            case WriteMode.REPLACE:
                ids = set(rows.column("record_id").to_pylist())
                current = lake.records.current_versions(workspace_id, sorted(ids))
                fresh = arrow.filter_by_values(rows, "version", current.values())
                if fresh.num_rows:
                    replaced = {(one,) for one in fresh.column("record_id").to_pylist()}
                    writer.delete(["record_id"], replaced)
                    writer.append(fresh)


def _derive_again(lake: Lake, workspace_id: str, table: DerivedTable[Any], batch: BatchRow) -> None:
    stored = _read(lake, workspace_id, RECORDS_TABLE, batch.id)
    rows = [table.derive(record, batch) for record in landed_records(stored)]
    table.write(lake.engine, workspace_id, rows)
