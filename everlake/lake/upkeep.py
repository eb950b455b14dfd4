"""Keeping tables fast: folding small fragments, extending indices, dropping old versions.

Work is done in small steps, each under the table's lock, so that merges come through in between.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise

import msgspec

from everlake.lake.parts import Fragment, IndexState
from everlake.lake.rows import UpkeepStep
from everlake.lake.spec import TableSpec
from everlake.lake.table import Table, Writer

FRAGMENT_ROWS = (512, 8_192, 65_536, 524_288)
"""Sizes fragments grow through. Each row is rewritten about once a size, not once a step."""

FOLD_AT = 16
"""So many small fragments in a row are worth folding."""

FOLD_BYTES = 128 * 1024 * 1024
"""Bytes on disk one step folds; a fragment of a quarter of that is large enough."""

FOLD_MOST = 32
"""Most fragments one step folds."""

BATCH_ROWS = (8_192, 2_048, 512, 128, 32, 8, 1)
BATCH_BYTES = 64 * 1024 * 1024
"""Rows one step reads at a time, and what they may weigh."""

DELETED_SHARE = 0.25
"""A fragment with more of its rows deleted is rewritten."""

STEPS = 8
"""Most steps of one kind on one table in one call."""

INDEX_AT = {"BTREE": 4_096, "INVERTED": 2_048}
"""So many rows outside an index are worth taking in: each search scans them."""

INDEX_STEP = {"BTREE": 1_048_576, "INVERTED": 131_072}
"""Most rows one step writes into one part of an index."""


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """A compaction step: the ``chosen`` fragments, not ``keep``, become ones of ``rows`` rows."""

    chosen: list[int]
    keep: list[int]
    rows: int


def plan_fold(fragments: Sequence[Fragment]) -> Fold | None:
    """The next compaction step worth its while, if there is one."""
    for rows in FRAGMENT_ROWS:
        for small, run in groupby(fragments, key=lambda one: _is_small(one, rows)):
            chosen = list(run)
            if small and len(chosen) >= FOLD_AT:
                return _fold(fragments, _within_bytes(chosen), rows)
    for fragment in fragments:
        if fragment.deleted > fragment.rows * DELETED_SHARE and fragment.size <= FOLD_BYTES:
            return _fold(fragments, [fragment], FRAGMENT_ROWS[-1])
    return None


def plan_index(state: IndexState, kind: str) -> int | None:
    """How many of the newest parts to take up together with the unindexed rows, if it is time.

    Parts grow as in a log-structured merge: one is taken up when it is not much larger than what
    is gathered already, up to a size that keeps the step short.
    """
    if state.unindexed < INDEX_AT[kind]:
        return None
    gathered, parts = state.unindexed, 0
    for rows in reversed(state.parts):
        if rows > 2 * gathered or gathered + rows > INDEX_STEP[kind]:
            break
        gathered += rows
        parts += 1
    return parts


def keep_up(table: Table, spec: TableSpec) -> Iterator[UpkeepStep]:
    """Do what is worth doing on an existing table, step by step.

    Fragments are folded before they are indexed: then no index has to follow them.

    Raises:
        LakeUnavailable, LakeDamaged
    """
    for _ in range(STEPS):
        with table.writing() as writer:
            fold = plan_fold(writer.snapshot.fragments())
            folded = _do_fold(writer, spec, fold) if fold else 0
        if not folded:
            break
        yield UpkeepStep(table=spec.name, action="compact", amount=folded)
    for column, kind in spec.indices.items():
        with table.writing() as writer:
            state = writer.snapshot.index_state(column)
            parts = plan_index(state, kind)
            if parts is not None:
                writer.extend_index(column, parts)
        if parts is not None:
            yield UpkeepStep(table=spec.name, action="index", amount=state.unindexed)
    removed = table.clean()
    if removed:
        yield UpkeepStep(table=spec.name, action="clean", amount=removed)


def rows_at_a_time(sizes: Sequence[int]) -> int:
    """How many rows of these sizes in bytes, in order, to hold in memory at a time."""
    sums = [0, *accumulate(sizes)]
    for rows in BATCH_ROWS:
        edges = [*sums[::rows], sums[-1]]
        if all(high - low <= BATCH_BYTES for low, high in pairwise(edges)):
            return rows
    return 1


def _do_fold(writer: Writer, spec: TableSpec, fold: Fold) -> int:
    sizes = writer.snapshot.values(spec.weight, fold.chosen) if spec.weight else []
    return writer.compact(fold.keep, fold.rows, rows_at_a_time(sizes))


def _is_small(fragment: Fragment, rows: int) -> bool:
    return fragment.rows - fragment.deleted < rows and fragment.size < FOLD_BYTES // 4


def _within_bytes(fragments: Sequence[Fragment]) -> list[Fragment]:
    chosen: list[Fragment] = []
    size = 0
    for fragment in fragments[:FOLD_MOST]:
        size += fragment.size
        if size > FOLD_BYTES:
            break
        chosen.append(fragment)
    return chosen


def _fold(fragments: Sequence[Fragment], chosen: Sequence[Fragment], rows: int) -> Fold:
    ids = {fragment.id for fragment in chosen}
    return Fold(
        chosen=[fragment.id for fragment in chosen],
        keep=[fragment.id for fragment in fragments if fragment.id not in ids],
        rows=rows,
    )
