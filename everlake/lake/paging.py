"""Pages of records by version, newest first.

Sorting the table by version reads all of it. Instead a page looks into ranges of versions, which
the index finds, from the newest down, each wider than the last, until it is full.
"""

from collections.abc import Iterator, Sequence

import msgspec

from everlake.contract.record_identity import LINE_BITS
from everlake.lake.filters import record_conditions
from everlake.model.records import RecordFilters, RecordPage, StoredRecord
from everlake.tables.conditions import all_of
from everlake.tables.snapshot import Row, Snapshot

MAX_PAGE_BYTES = 32 * 1024 * 1024

_FIRST_RANGE = 16 << LINE_BITS
_RANGE_GROWTH = 8

_COLUMNS = tuple(
    "type" if name == "record_type" else name for name in StoredRecord.__struct_fields__
)
_BYTES_COLUMNS = ("envelope", "data")


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which page: records of versions below ``before``."""

    filters: RecordFilters
    limit: int
    before: int
    max_bytes: int


def newest_version(now: Snapshot, known: int | None) -> int | None:
    """The highest version in the table; ``known`` is one that was the highest before.

    No version ever goes, save to a higher one, so only what lies above needs a look.
    """
    if known is None:
        return now.max_value("version")
    above = now.max_value("version", f"version > {known}")
    return known if above is None else above


def read_page(now: Snapshot, request: PageRequest) -> RecordPage:
    """One page of one snapshot."""
    conditions = record_conditions(request.filters)
    found: list[Row] = []
    for low, high in _version_ranges(request.before):
        where = all_of([f"version >= {low}", f"version < {high}", *conditions])
        rows = now.select(["version", "data_bytes"], where, row_ids=True)
        found += sorted(rows, key=lambda row: -row["version"])
        if len(found) > request.limit:
            break
    chosen = _within_bytes(found[: request.limit], request.max_bytes)
    more = len(found) > len(chosen)
    return RecordPage(
        records=read_records(now, chosen),
        next_before=chosen[-1]["version"] if more and chosen else None,
    )


def read_records(now: Snapshot, rows: Sequence[Row]) -> list[StoredRecord]:
    """The records in full of rows that carry their ``_rowid``, in order."""
    full = now.take([row["_rowid"] for row in rows], _COLUMNS, _BYTES_COLUMNS)
    return [StoredRecord(record_type=row.pop("type"), **row) for row in full]


def _version_ranges(before: int) -> Iterator[tuple[int, int]]:
    high, width = before, _FIRST_RANGE
    while high > 0:
        low = max(high - width, 0)
        yield low, high
        high, width = low, width * _RANGE_GROWTH


def _within_bytes(rows: Sequence[Row], max_bytes: int) -> list[Row]:
    chosen: list[Row] = []
    size = 0
    for row in rows:
        size += row["data_bytes"]
        if chosen and size > max_bytes:
            break
        chosen.append(row)
    return chosen
