"""Maintenance of tables: compaction of small fragments, extension of indexes, old versions.

It works in small steps, each under the table's lock, so that merges run in between.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise

import msgspec

from everlake.batching import prefix_within
from everlake.tables.spec import TableSpec
from everlake.tables.table import Table, TableWriter
from everlake.tables.types import Fragment, IndexState, MaintenanceStep

FRAGMENT_ROWS = (512, 8_192, 65_536, 524_288)
"""Sizes that fragments grow through. Each row is rewritten about once a size, not once a step."""

COMPACT_MIN_FRAGMENTS = 16
"""Number of adjacent small fragments that makes a compaction pay."""

COMPACT_MAX_BYTES = 128 * 1024 * 1024
"""Bytes on disk that one step rewrites. A fragment of a quarter of that is large enough."""

COMPACT_MAX_FRAGMENTS = 32
"""Most fragments that one step rewrites."""

BATCH_ROWS = (8_192, 2_048, 512, 128, 32, 8, 1)
BATCH_BYTES = 64 * 1024 * 1024
"""Rows that a step reads at a time, and the bytes they may have."""

MAX_DELETED_SHARE = 0.25
"""A fragment with a larger share of deleted rows is rewritten."""

MAX_STEPS = 8
"""Most compactions of a table in one call."""

INDEX_MIN_ROWS = {"BTREE": 4_096, "INVERTED": 2_048}
"""Number of rows outside an index that makes an extension pay: each search scans these rows."""

INDEX_SEGMENT_ROWS = {"BTREE": 1_048_576, "INVERTED": 131_072}
"""Most rows that one step writes into a segment of an index."""


class CompactionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A compaction step: ``chosen`` fragments become ones of ``rows`` rows, ``keep`` stay."""

    chosen: list[int]
    keep: list[int]
    rows: int


def plan_compaction(fragments: Sequence[Fragment]) -> CompactionPlan | None:
    """Return the next compaction step that pays, None if there is none."""
    for rows in FRAGMENT_ROWS:
        for small, run in groupby(fragments, key=lambda one: _is_small(one, rows)):
            chosen = list(run)
            if small and len(chosen) >= COMPACT_MIN_FRAGMENTS:
                return _compaction_plan(fragments, _first_within_limits(chosen), rows)
    for fragment in fragments:
        if (
            fragment.deleted > fragment.rows * MAX_DELETED_SHARE
            and fragment.size <= COMPACT_MAX_BYTES
        ):
            return _compaction_plan(fragments, [fragment], FRAGMENT_ROWS[-1])
    return None


def plan_index(state: IndexState, kind: str) -> int | None:
    """Return how many of an index's newest segments to merge with the rows outside of it.

    Segments grow as in a log-structured merge tree: one is merged if it is not much larger than
    what is merged already, up to a size that keeps the step short. None if an extension does not
    pay yet.
    """
    if state.unindexed_rows < INDEX_MIN_ROWS[kind]:
        return None
    merged, segments = state.unindexed_rows, 0
    for rows in reversed(state.segments):
        if rows > 2 * merged or merged + rows > INDEX_SEGMENT_ROWS[kind]:
            break
        merged += rows
        segments += 1
    return segments


def maintain_table(table: Table) -> Iterator[MaintenanceStep]:
    """Maintain an existing table where it pays, yielding each step when it is done.

    Fragments are compacted before they are indexed, so that no index has to be rewritten.

    Raises:
        LakeUnavailable, LakeDamaged
    """
    spec = table.spec
    for _ in range(MAX_STEPS):
        with table.writing() as writer:
            plan = plan_compaction(writer.snapshot.fragments())
            compacted = _compact(writer, spec, plan) if plan else 0
        if not compacted:
            break
        yield MaintenanceStep(table=spec.name, action="compact", amount=compacted)
    for column, kind in spec.indexes.items():
        with table.writing() as writer:
            state = writer.snapshot.index_state(column)
            segments = plan_index(state, kind)
            if segments is not None:
                writer.extend_index(column, segments)
        if segments is not None:
            yield MaintenanceStep(table=spec.name, action="index", amount=state.unindexed_rows)
    removed = table.remove_old_versions()
    if removed:
        yield MaintenanceStep(table=spec.name, action="clean", amount=removed)


def batch_rows_for(sizes: Sequence[int]) -> int:
    """Return how many rows to hold in memory at a time, of rows of these sizes in bytes."""
    sums = [0, *accumulate(sizes)]
    for rows in BATCH_ROWS:
        edges = [*sums[::rows], sums[-1]]
        if all(high - low <= BATCH_BYTES for low, high in pairwise(edges)):
            return rows
    return 1


def _compact(writer: TableWriter, spec: TableSpec, plan: CompactionPlan) -> int:
    sizes = writer.snapshot.values(spec.size_column, plan.chosen) if spec.size_column else []
    return writer.compact(plan.keep, plan.rows, batch_rows_for(sizes))


def _is_small(fragment: Fragment, rows: int) -> bool:
    return fragment.rows - fragment.deleted < rows and fragment.size < COMPACT_MAX_BYTES // 4


def _first_within_limits(fragments: Sequence[Fragment]) -> list[Fragment]:
    return prefix_within(
        fragments[:COMPACT_MAX_FRAGMENTS], lambda one: one.size, max_size=COMPACT_MAX_BYTES
    )


def _compaction_plan(
    fragments: Sequence[Fragment], chosen: Sequence[Fragment], rows: int
) -> CompactionPlan:
    ids = {fragment.id for fragment in chosen}
    return CompactionPlan(
        chosen=[fragment.id for fragment in chosen],
        keep=[fragment.id for fragment in fragments if fragment.id not in ids],
        rows=rows,
    )
