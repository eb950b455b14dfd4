"""Taking over what another lake's tables hold of one batch, where the archive does not."""

from collections.abc import Sequence

import msgspec

from everlake.lake import Lake
from everlake.lake.arrivals import ARRIVALS_TABLE
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.lake.utterance_rows import UTTERANCES_TABLE
from everlake.tables import arrow
from everlake.tables.conditions import equals
from everlake.tables.errors import LakeError
from everlake.tables.spec import TableSpec


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
        with target.engine.table(workspace_id, RECORDS_TABLE).writing() as writer:
            merge = writer.prepare_merge(
                records, "record_id", "source.version > target.version", use_index=True
            )
            if merge.inserted or merge.updated:
                writer.commit(merge)
    if arrivals and not _rows_of_batch(target, workspace_id, ARRIVALS_TABLE, batch_id):
        with target.engine.table(workspace_id, ARRIVALS_TABLE).writing() as writer:
            writer.append(arrivals)
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
        return lake.engine.table(workspace_id, spec).read(
            lambda now: arrow.from_batches(
                now.stream(spec.schema.names, equals("batch_id", batch_id)), spec.schema
            ),
            empty,
        )
    except LakeError:
        return None


def _salvage_utterances(target: Lake, workspace_id: str, rows: arrow.ArrowTable) -> None:
    with target.engine.table(workspace_id, UTTERANCES_TABLE).writing() as writer:
        ids = sorted(set(rows.column("record_id").to_pylist()))
        current = target.records.current_versions(workspace_id, ids)
        fresh = arrow.filter_by_values(rows, "version", current.values())
        if fresh.num_rows:
            there = {(record_id,) for record_id in fresh.column("record_id").to_pylist()}
            writer.delete(["record_id"], there)
            writer.append(fresh)
