"""Records table: the current version of each record."""

from collections.abc import Iterable, Sequence

from everlake.lake import paging
from everlake.lake.record_merge import MergeInput, merge, merge_inputs, merge_records
from everlake.lake.record_rows import RECORDS_TABLE, arrived_record, records_to_arrow
from everlake.model.records import (
    ArrivedRecord,
    MergeResult,
    RecordFilters,
    RecordPage,
    RecordSummary,
    StoredRecord,
    record_size,
)
from everlake.tables.conditions import equals, one_of
from everlake.tables.engine import TableEngine
from everlake.tables.registry import DerivedTable
from everlake.tables.snapshot import Row
from everlake.tables.table import Table

RECORDS = DerivedTable[ArrivedRecord](
    spec=RECORDS_TABLE,
    derive=arrived_record,
    to_arrow=records_to_arrow,
    size_of=record_size,
    write=merge_records,
)


class RecordRepository:
    """Reads records, and merges accepted ones.

    Methods take the workspace first; one without tables has no records. They raise LakeUnavailable
    (try again later) or LakeDamaged (the message says what to do).
    """

    def __init__(self, engine: TableEngine) -> None:
        self._engine = engine
        self._newest_versions: dict[str, int] = {}

    def merge(self, workspace_id: str, rows: Sequence[ArrivedRecord]) -> MergeResult:
        """Merge accepted records: of each record the highest version stays.

        May be called again with the same rows, and in any order of batches. What it wrote is
        durable when it returns. Arrivals are listed too. Large calls are merged in portions that
        fit the engine's memory.

        Raises:
            ValueError: a text of a row is not UTF-8.
        """
        return self.merge_prepared(workspace_id, merge_inputs(rows))

    def merge_prepared(self, workspace_id: str, inputs: Iterable[MergeInput]) -> MergeResult:
        """Merge portions made by :func:`everlake.lake.record_merge.merge_inputs`, as they come."""
        return merge(self._engine, workspace_id, inputs)

    def get(self, workspace_id: str, record_id: str) -> StoredRecord | None:
        """Return the current version of a record, None where there is no such record."""
        where = equals("record_id", record_id)
        found = self._table(workspace_id).read(
            lambda now: paging.read_records(now, now.select(["version"], where, row_ids=True)), []
        )
        return found[0] if found else None

    def page(
        self,
        workspace_id: str,
        filters: RecordFilters = RecordFilters(),  # noqa: B008  (frozen)
        *,
        limit: int,
        before_version: int | None = None,
        max_bytes: int = paging.MAX_PAGE_BYTES,
    ) -> RecordPage:
        """Return records that match the filters, newest arrival first.

        Turning pages neither repeats nor skips a record that does not change meanwhile; one that
        arrives again moves to the front.

        Args:
            workspace_id: the workspace.
            filters: conditions, all of which must hold.
            limit: most records of the page.
            before_version: ``next_before`` of the page before.
            max_bytes: the page ends before its ``data`` would exceed this; it has at least one
                record.

        Raises:
            ValueError: a filter's value is not valid Unicode, or a time has no time zone.
        """
        empty = RecordPage(records=[], next_before=None)
        table = self._table(workspace_id)
        known = self._newest_versions.get(workspace_id)
        newest = table.read(lambda now: paging.newest_version(now, known), None)
        if newest is None:
            return empty
        self._newest_versions[workspace_id] = newest
        request = paging.PageRequest(
            filters=filters,
            limit=limit,
            before=newest + 1 if before_version is None else min(before_version, newest + 1),
            max_bytes=max_bytes,
        )
        return table.read(lambda now: paging.read_page(now, request), empty)

    def count(self, workspace_id: str) -> int:
        """Return the number of records."""
        return self._table(workspace_id).read(lambda now: now.count(), 0)

    def summary(self, workspace_id: str) -> RecordSummary:
        """Return the number of records, in all, by type and by source."""
        none: list[Row] = []
        rows = self._table(workspace_id).read(lambda now: now.count_by(["type", "source"]), none)
        return RecordSummary(
            records=sum(row["count_all"] for row in rows),
            by_type=_totals_by(rows, "type"),
            by_source=_totals_by(rows, "source"),
        )

    def current_versions(self, workspace_id: str, record_ids: Sequence[str]) -> dict[str, int]:
        """Return the current version of each of these records that exists."""
        if not record_ids:
            return {}
        where = one_of("record_id", record_ids)
        rows = self._table(workspace_id).read(
            lambda now: now.select(["record_id", "version"], where), []
        )
        return {row["record_id"]: row["version"] for row in rows}

    def _table(self, workspace_id: str) -> Table:
        return self._engine.table(workspace_id, RECORDS_TABLE)


def _totals_by(rows: Sequence[Row], column: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row[column]] = totals.get(row[column], 0) + row["count_all"]
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))
