"""The utterances table: replacing what a record says, and finding it by full text."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from everlake.lake import arrow
from everlake.lake.dataset import Row, Snapshot
from everlake.lake.filters import all_of, one_of, utterance_filter
from everlake.lake.rows import (
    AnalysedRecord,
    FoundUtterance,
    TextQuery,
    UtteranceFilters,
    UtterancesWritten,
)
from everlake.lake.table import Writer

MOST_HITS = 1_000
"""How deep pages of hits go."""

_SPARE = 16
_MOST_ROWS = 16_384

_COLUMNS = (
    "record_id",
    "version",
    "ordinal",
    "batch_id",
    "type",
    "source",
    "event_at",
    "product_id",
    "project_ids",
    "speaker",
    "role",
    "said_at",
    "text",
    "attachment_id",
    "attachment",
)


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What to find, and which part of it."""

    query: TextQuery
    filters: UtteranceFilters
    limit: int
    offset: int


def replace(
    writer: Writer, records: Sequence[AnalysedRecord], current: Mapping[str, int]
) -> UtterancesWritten:
    """Write the utterances of records whose version is the current one.

    What these records said before goes in a commit of its own before that. Whoever dies between
    the two has not reported the batch as analysed, so it is done again.
    """
    fresh = {one.record_id: one for one in records if current.get(one.record_id) == one.version}
    table = arrow.utterances_table(fresh.values())
    if fresh:
        rows = writer.snapshot.select(["record_id"], one_of("record_id", fresh))
        before = {row["record_id"] for row in rows}
        if before:
            writer.commit(writer.snapshot.prepare_delete(arrow.ids_table(before), "record_id"))
    if table.num_rows:
        writer.commit(writer.snapshot.prepare_append(table))
    return UtterancesWritten(
        records=len(fresh),
        utterances=table.num_rows,
        stale=sum(1 for one in records if current.get(one.record_id) != one.version),
    )


def find(
    now: Snapshot, search: Search, current_versions: Callable[[Sequence[str]], Mapping[str, int]]
) -> tuple[list[FoundUtterance], bool]:
    """Hits ``offset`` to ``offset`` + ``limit`` of one snapshot, and whether there are more.

    A record that has arrived again and is not analysed yet still has utterances of its earlier
    version here; ``current_versions`` tells, and they are passed over.
    """
    end = search.offset + search.limit
    if search.offset < 0 or search.limit < 1 or end > MOST_HITS:
        raise ValueError(f"A search can be paged to its first {MOST_HITS:,} hits.")
    where = all_of(utterance_filter(search.filters))
    wanted = end + 1 + _SPARE
    while True:
        rows = now.match(search.query, where, wanted)
        versions = current_versions(list({row["record_id"] for row in rows}))
        valid = [row for row in rows if versions.get(row["record_id"]) == row["version"]]
        if len(valid) > end or len(rows) < wanted or wanted >= _MOST_ROWS:
            break
        wanted *= 4
    valid.sort(key=lambda row: (-row["_score"], -row["version"], row["ordinal"]))
    return _in_full(now, valid[search.offset : end]), len(valid) > end


def _in_full(now: Snapshot, rows: Sequence[Row]) -> list[FoundUtterance]:
    full = now.take([row["_rowid"] for row in rows], _COLUMNS)
    return [
        FoundUtterance(score=row["_score"], record_type=one.pop("type"), **one)
        for row, one in zip(rows, full, strict=True)
    ]
