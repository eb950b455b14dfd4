"""Keeping tables fast: folding small fragments, extending indices, dropping old versions.

Work is done in small steps, each under the table's lock, so that merges come through in between.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise

import msgspec

from everlake.tables.spec import TableSpec
from everlake.tables.table import Table, TableWriter
from everlake.tables.types import Fragment, IndexState, MaintenanceStep

FRAGMENT_ROWS = (512, 8_192, 65_536, 524_288)
"""Sizes fragments grow through. Each row is rewritten about once a size, not once a step."""

COMPACT_MIN_FRAGMENTS = 16
"""So many small fragments in a row are worth folding."""

COMPACT_MAX_BYTES = 128 * 1024 * 1024
"""Bytes on disk one step folds; a fragment of a quarter of that is large enough."""

COMPACT_MAX_FRAGMENTS = 32
"""Most fragments one step folds."""

BATCH_ROWS = (8_192, 2_048, 512, 128, 32, 8, 1)
BATCH_BYTES = 64 * 1024 * 1024
"""Rows one step reads at a time, and what they may weigh."""

MAX_DELETED_SHARE = 0.25
"""A fragment with more of its rows deleted is rewritten."""

MAX_STEPS = 8
"""Most steps of one kind on one table in one call."""

INDEX_MIN_ROWS = {"BTREE": 4_096, "INVERTED": 2_048}
"""So many rows outside an index are worth taking in: each search scans them."""

INDEX_SEGMENT_ROWS = {"BTREE": 1_048_576, "INVERTED": 131_072}
"""Most rows one step writes into one part of an index."""


class CompactionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A compaction step: the ``chosen`` fragments, not ``keep``, become ones of ``rows`` rows."""

    chosen: list[int]
    keep: list[int]
    rows: int


def plan_compaction(fragments: Sequence[Fragment]) -> CompactionPlan | None:
    """The next compaction step worth its while, if there is one."""
    for rows in FRAGMENT_ROWS:
        for small, run in groupby(fragments, key=lambda one: _is_small(one, rows)):
            chosen = list(run)
            if small and len(chosen) >= COMPACT_MIN_FRAGMENTS:
                return _compaction_plan(fragments, _within_bytes(chosen), rows)
    for fragment in fragments:
        if (
            fragment.deleted > fragment.rows * MAX_DELETED_SHARE
            and fragment.size <= COMPACT_MAX_BYTES
        ):
            return _compaction_plan(fragments, [fragment], FRAGMENT_ROWS[-1])
    return None


def plan_index(state: IndexState, kind: str) -> int | None:
    """How many of the newest parts to take up together with the unindexed rows, if it is time.

    Parts grow as in a log-structured merge: one is taken up when it is not much larger than what
    is gathered already, up to a size that keeps the step short.
    """
    if state.unindexed_rows < INDEX_MIN_ROWS[kind]:
        return None
    gathered, parts = state.unindexed_rows, 0
    for rows in reversed(state.segments):
        if rows > 2 * gathered or gathered + rows > INDEX_SEGMENT_ROWS[kind]:
            break
        gathered += rows
        parts += 1
    return parts


def maintain_table(table: Table) -> Iterator[MaintenanceStep]:
    """Do what is worth doing on an existing table, step by step.

    Fragments are folded before they are indexed: then no index has to follow them.

    Raises:
        LakeUnavailable, LakeDamaged
    """
    spec = table.spec
    for _ in range(MAX_STEPS):
        with table.writing() as writer:
            fold = plan_compaction(writer.snapshot.fragments())
            folded = _compact(writer, spec, fold) if fold else 0
        if not folded:
            break
        yield MaintenanceStep(table=spec.name, action="compact", amount=folded)
    for column, kind in spec.indexes.items():
        with table.writing() as writer:
            state = writer.snapshot.index_state(column)
            parts = plan_index(state, kind)
            if parts is not None:
                writer.extend_index(column, parts)
        if parts is not None:
            yield MaintenanceStep(table=spec.name, action="index", amount=state.unindexed_rows)
    removed = table.remove_old_versions()
    if removed:
        yield MaintenanceStep(table=spec.name, action="clean", amount=removed)


def batch_rows_for(sizes: Sequence[int]) -> int:
    """How many rows of these sizes in bytes, in order, to hold in memory at a time."""
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


def _within_bytes(fragments: Sequence[Fragment]) -> list[Fragment]:
    chosen: list[Fragment] = []
    size = 0
    for fragment in fragments[:COMPACT_MAX_FRAGMENTS]:
        size += fragment.size
        if size > COMPACT_MAX_BYTES:
            break
        chosen.append(fragment)
    return chosen


def _compaction_plan(
    fragments: Sequence[Fragment], chosen: Sequence[Fragment], rows: int
) -> CompactionPlan:
    ids = {fragment.id for fragment in chosen}
    return CompactionPlan(
        chosen=[fragment.id for fragment in chosen],
        keep=[fragment.id for fragment in fragments if fragment.id not in ids],
        rows=rows,
    )
