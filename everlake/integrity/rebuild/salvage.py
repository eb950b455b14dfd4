"""Taking over what another lake's tables hold of one batch, where the archive does not."""

from collections.abc import Sequence

import msgspec

from everlake.lake.filters import equals
from everlake.lake.lake import ARRIVALS_TABLE, RECORDS_TABLE, UTTERANCES_TABLE, Lake
from everlake.tables import arrow
from everlake.tables.errors import LakeError
from everlake.tables.table import TableSpec


class SalvageResult(msgspec.Struct, frozen=True, kw_only=True):
    """How many records were there to take, and whether all tables could be read."""

    records: int
    readable: bool


def salvage_batch(source: Lake, target: Lake, workspace_id: str, batch_id: str) -> SalvageResult:
    """Take over the records that ``batch_id`` was the last to bring, and what they say.

    May be done again. Of each record the highest version stays, as in a merge.

    Raises:
        LakeUnavailable, LakeDamaged: the target cannot be written.
    """
    found = [_rows_of_batch(source, workspace_id, spec, batch_id) for spec in _SPECS]
    records, arrivals, utterances = found
    if records:
        with target.table(workspace_id, RECORDS_TABLE).writing() as writer:
            merge = writer.snapshot.prepare_merge(
                records, "record_id", "source.version > target.version", use_index=True
            )
            if merge.inserted or merge.updated:
                writer.commit(merge)
    if arrivals and not _rows_of_batch(target, workspace_id, ARRIVALS_TABLE, batch_id):
        with target.table(workspace_id, ARRIVALS_TABLE).writing() as writer:
            writer.commit(writer.snapshot.prepare_append(arrivals))
    if utterances:
        _salvage_utterances(target, workspace_id, utterances)
    return SalvageResult(
        records=records.num_rows if records else 0,
        readable=all(rows is not None for rows in found),
    )


_SPECS: Sequence[TableSpec] = (RECORDS_TABLE, ARRIVALS_TABLE, UTTERANCES_TABLE)


def _rows_of_batch(
    lake: Lake, workspace_id: str, spec: TableSpec, batch_id: str
) -> arrow.ArrowTable | None:
    """The rows of one batch; None where the table cannot be read."""
    empty = spec.schema.empty_table()
    try:
        return lake.table(workspace_id, spec).read(
            lambda now: arrow.from_batches(
                now.stream(spec.schema.names, equals("batch_id", batch_id)), spec.schema
            ),
            empty,
        )
    except LakeError:
        return None


def _salvage_utterances(target: Lake, workspace_id: str, rows: arrow.ArrowTable) -> None:
    with target.table(workspace_id, UTTERANCES_TABLE).writing() as writer:
        ids = sorted(set(rows.column("record_id").to_pylist()))
        current = target.current_versions(workspace_id, ids)
        fresh = arrow.filter_by_values(rows, "version", current.values())
        if fresh.num_rows:
            there = {(record_id,) for record_id in fresh.column("record_id").to_pylist()}
            keys = arrow.keys_table(["record_id"], there)
            writer.commit(writer.snapshot.prepare_delete(keys))
            writer.commit(writer.snapshot.prepare_append(fresh))
