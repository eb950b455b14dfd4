"""Full-text search in the utterances table."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from everlake.lake.filters import utterance_conditions
from everlake.model.utterances import TextQuery, UtteranceFilters, UtteranceMatch
from everlake.tables.conditions import all_of
from everlake.tables.snapshot import Row, Snapshot

MAX_HITS = 1_000
"""Highest position of a hit that a page may end at."""

_EXTRA_CANDIDATES = 16
_MAX_CANDIDATES = 16_384

_COLUMNS = tuple(
    "type" if name == "record_type" else name
    for name in UtteranceMatch.__struct_fields__
    if name != "score"
)


class UtteranceSearch(msgspec.Struct, frozen=True, kw_only=True):
    """A search, and the page of its hits that is asked for."""

    query: TextQuery
    filters: UtteranceFilters
    limit: int
    offset: int


def find_utterances(
    now: Snapshot,
    search: UtteranceSearch,
    current_versions: Callable[[Sequence[str]], Mapping[str, int]],
) -> tuple[list[UtteranceMatch], bool]:
    """Return hits ``offset`` to ``offset`` + ``limit`` of a snapshot, and whether more follow.

    A record that has arrived again and is not analysed yet still has utterances of its earlier
    version in the table. They are left out.

    Args:
        now: the table.
        search: what to find.
        current_versions: returns the current version of each of these records.

    Raises:
        ValueError: the page ends after :data:`MAX_HITS`.
    """
    end = search.offset + search.limit
    if search.offset < 0 or search.limit < 1 or end > MAX_HITS:
        raise ValueError(f"A search can be paged to its first {MAX_HITS:,} hits.")
    where = all_of(utterance_conditions(search.filters))
    wanted = end + 1 + _EXTRA_CANDIDATES
    while True:
        rows = now.search(
            search.query, "text", ["record_id", "version", "ordinal"], where, limit=wanted
        )
        versions = current_versions(list({row["record_id"] for row in rows}))
        valid = [row for row in rows if versions.get(row["record_id"]) == row["version"]]
        if len(valid) > end or len(rows) < wanted or wanted >= _MAX_CANDIDATES:
            break
        wanted *= 4
    valid.sort(key=lambda row: (-row["_score"], -row["version"], row["ordinal"]))
    return _read_matches(now, valid[search.offset : end]), len(valid) > end


def _read_matches(now: Snapshot, rows: Sequence[Row]) -> list[UtteranceMatch]:
    full = now.take([row["_rowid"] for row in rows], _COLUMNS)
    return [
        UtteranceMatch(score=row["_score"], record_type=one.pop("type"), **one)
        for row, one in zip(rows, full, strict=True)
    ]
