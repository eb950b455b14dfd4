"""Pages of records by version, newest first.

Sorting the table by version would read all of it. Instead a page is collected from ranges of
versions, which the index finds: from the newest down, each wider than the one before.
"""

from collections.abc import Iterator, Sequence

import msgspec

from everlake.batching import group_by_size
from everlake.contract.record_identity import LINE_BITS
from everlake.lake.filters import record_conditions
from everlake.model.records import RecordFilters, RecordPage, StoredRecord
from everlake.tables.conditions import all_of
from everlake.tables.snapshot import Row, Snapshot

MAX_PAGE_BYTES = 4 * 1024 * 1024

_FIRST_RANGE = 16 << LINE_BITS
_RANGE_GROWTH = 8

_COLUMNS = tuple(
    "type" if name == "record_type" else name for name in StoredRecord.__struct_fields__
)
_BYTES_COLUMNS = ("envelope", "data")


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Request of a page: matching records of versions below ``before``."""

    filters: RecordFilters
    limit: int
    before: int
    max_bytes: int


def newest_version(now: Snapshot, known: int | None) -> int | None:
    """Return the highest version in the table, None for an empty one.

    Args:
        now: the table.
        known: a version that was the highest before. Versions are only replaced by higher ones, so
            lower ones need not be read again.
    """
    if known is None:
        return now.max_value("version")
    above = now.max_value("version", f"version > {known}")
    return known if above is None else above


def read_page(now: Snapshot, request: PageRequest) -> RecordPage:
    """Return a page of records.

    Raises:
        ValueError: a filter's value is not valid Unicode, or a time has no time zone.
    """
    conditions = record_conditions(request.filters)
    found: list[Row] = []
    for low, high in _version_ranges(request.before):
        where = all_of([f"version >= {low}", f"version < {high}", *conditions])
        rows = now.select(["version", "data_bytes"], where, row_ids=True)
        found += sorted(rows, key=lambda row: -row["version"])
        if len(found) > request.limit:
            break
    candidates = found[: request.limit]
    groups = group_by_size(candidates, lambda row: row["data_bytes"], max_size=request.max_bytes)
    chosen = next(groups, candidates)
    more = len(found) > len(chosen)
    return RecordPage(
        records=read_records(now, chosen),
        next_before=chosen[-1]["version"] if more and chosen else None,
    )


def read_records(now: Snapshot, rows: Sequence[Row]) -> list[StoredRecord]:
    """Return complete records of rows that have their ``_rowid``, in the same order."""
    full = now.take([row["_rowid"] for row in rows], _COLUMNS, _BYTES_COLUMNS)
    return [StoredRecord(record_type=row.pop("type"), **row) for row in full]


def _version_ranges(before: int) -> Iterator[tuple[int, int]]:
    high, width = before, _FIRST_RANGE
    while high > 0:
        low = max(high - width, 0)
        yield low, high
        high, width = low, width * _RANGE_GROWTH
