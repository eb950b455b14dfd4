"""Accepted records on their way into the tables: what one merge takes, in Arrow's form."""

from collections.abc import Generator, Sequence

import msgspec

from everlake.model.records import ArrivedRecord, record_size
from everlake.tables import arrow

MERGE_BYTES = 16 * 1024 * 1024
"""Text of the records in one merge: the engine gives a join 300 MB, and a row takes a multiple."""


class MergeInput(msgspec.Struct, frozen=True, kw_only=True):
    """What one merge takes: records, each once, and all arrivals, those of records among them."""

    records: arrow.ArrowTable
    arrivals: arrow.ArrowTable


def merge_inputs(rows: Sequence[ArrivedRecord]) -> Generator[MergeInput]:
    """``rows``, of each record only the highest version, in portions that the engine can take.

    Raises:
        ValueError: a row's texts are not UTF-8.
    """
    last: dict[str, ArrivedRecord] = {}
    for row in rows:
        held = last.get(row.record_id)
        if held is None or held.version < row.version:
            last[row.record_id] = row
    older = [row for row in rows if last[row.record_id] is not row]
    for some in _by_bytes(list(last.values())):
        arrived = [*some, *older]
        older = []
        yield MergeInput(records=arrow.records_table(some), arrivals=arrow.arrivals_table(arrived))


def _by_bytes(rows: Sequence[ArrivedRecord]) -> Generator[list[ArrivedRecord]]:
    """``rows`` in their order, in portions of about :data:`MERGE_BYTES` at the most."""
    portion: list[ArrivedRecord] = []
    size = 0
    for row in rows:
        portion.append(row)
        size += record_size(row)
        if size >= MERGE_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion
