"""The lake: tables derived from the landing archive, one set a workspace.

``records``, ``arrivals`` and ``utterances``, to be read by anything that reads Lance. Everything
in them can be written again from the archive. Where they lie is a :class:`Site`'s business.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from everlake.lake import paging, utterances
from everlake.lake.filters import equals, one_of
from everlake.lake.merge_input import MergeInput, merge_inputs
from everlake.model.records import (
    ArrivedRecord,
    AttachmentUtterances,
    MaintenanceStep,
    MergeResult,
    RecordFilters,
    RecordPage,
    RecordSummary,
    RecordUtterances,
    StoredRecord,
    TextQuery,
    UtteranceFilters,
    UtteranceGroup,
    UtteranceMatch,
    UtteranceWriteResult,
)
from everlake.tables import arrow
from everlake.tables.backend import TableBackend, TableSet
from everlake.tables.errors import LakeUnavailable
from everlake.tables.maintenance import maintain_table
from everlake.tables.snapshot import Row, Snapshot, new_caches
from everlake.tables.spec import TableSpec
from everlake.tables.table import Table, TableWriter
from everlake.tables.types import PreparedWrite

RECORDS_TABLE = TableSpec(
    name="records",
    schema=arrow.RECORDS_SCHEMA,
    indexes={"record_id": "BTREE", "version": "BTREE", "batch_id": "BTREE"},
    size_column="data_bytes",
)
ARRIVALS_TABLE = TableSpec(
    name="arrivals", schema=arrow.ARRIVALS_SCHEMA, indexes={"record_id": "BTREE"}
)
UTTERANCES_TABLE = TableSpec(
    name="utterances",
    schema=arrow.UTTERANCES_SCHEMA,
    indexes={"record_id": "BTREE", "text": "INVERTED"},
)
MAX_UNINDEXED_BYTES = 24 * 1024 * 1024
"""A merge by the index reads all rows outside it: with more ``data`` than this, go without."""

KEYS_SCANNED_PER_LOOKUP = 2_500
"""Reading a key takes about 0.12 µs; finding one in the index of 10 million 250 to 350 µs."""

_IDS_PER_QUERY = 1_000

DERIVED_TABLES = (RECORDS_TABLE, ARRIVALS_TABLE, UTTERANCES_TABLE)

Group = TypeVar("Group", bound=UtteranceGroup)


class Lake:
    """Reads and writes the tables of a site; threads may share it.

    Every method takes the workspace first and raises LakeUnavailable (try again later) or
    LakeDamaged (the message says what to do). A workspace without tables reads as empty.
    """

    def __init__(self, backend: TableBackend) -> None:
        self._backend = backend
        self._caches = new_caches()
        self._tables: dict[tuple[str, str], Table] = {}
        self._newest_versions: dict[str, int] = {}
        self._lock = threading.Lock()

    def table_set(self, workspace_id: str) -> TableSet:
        """Where the workspace's tables lie, and how others take their place.

        Raises:
            ValueError: the id could not be part of a path.
        """
        return self._backend.table_set(workspace_id)

    def staged(self) -> "Lake":
        """The lake whose tables are to take the place of this one's."""
        return Lake(self._backend.staged())

    @contextmanager
    def exclusive(self, workspace_id: str) -> Generator[None]:
        """Keep everybody from writing the workspace's tables, which stay readable.

        Raises:
            LakeUnavailable: somebody writes, and for long.
        """
        with ExitStack() as stack:
            for spec in DERIVED_TABLES:  # in the order in which a merge takes them
                stack.enter_context(self.table(workspace_id, spec).exclusive())
            yield

    def merge_records(self, workspace_id: str, rows: Sequence[ArrivedRecord]) -> MergeResult:
        """Take in accepted records; of each record the highest version stays.

        May be called again with the same rows, and in any order of batches. On disk, synced,
        when it returns. Large calls are merged in portions that the engine's memory holds.

        Raises:
            ValueError: a row's texts are not UTF-8.
        """
        return self.merge(workspace_id, merge_inputs(rows))

    def merge(self, workspace_id: str, inputs: Iterable[MergeInput]) -> MergeResult:
        """As :meth:`merge_records`, for portions as they come: one at a time is in memory."""
        received = inserted = replaced = 0
        for portion in inputs:
            done = self._merge_input(workspace_id, portion)
            received += portion.arrivals.num_rows
            inserted += done.inserted
            replaced += done.updated
        return MergeResult(received=received, inserted=inserted, replaced=replaced)

    def _merge_input(self, workspace_id: str, merge_input: MergeInput) -> PreparedWrite:
        with self.table(workspace_id, RECORDS_TABLE).writing() as writer:
            merge = writer.snapshot.prepare_merge(
                merge_input.records,
                "record_id",
                "source.version > target.version",
                use_index=_should_use_index(writer.snapshot, merge_input.records.num_rows),
            )
            # Not before the large files are written: on a full disk each try would add rows here.
            with self.table(workspace_id, ARRIVALS_TABLE).writing() as arrivals:
                arrivals.commit(arrivals.snapshot.prepare_append(merge_input.arrivals))
            if merge.inserted or merge.updated:
                writer.commit(merge)
        return merge

    def get_record(self, workspace_id: str, record_id: str) -> StoredRecord | None:
        """The last arrival of one record."""
        where = equals("record_id", record_id)
        found = self.table(workspace_id, RECORDS_TABLE).read(
            lambda now: paging.read_records(now, now.select(["version"], where, row_ids=True)), []
        )
        return found[0] if found else None

    def batches_of_record(self, workspace_id: str, record_id: str) -> list[tuple[int, str]]:
        """Every version of one record with the batch that wrote it, in order of arrival."""
        where = equals("record_id", record_id)
        rows = self.table(workspace_id, ARRIVALS_TABLE).read(
            lambda now: now.select(["version", "batch_id"], where), []
        )
        return sorted({(row["version"], row["batch_id"]) for row in rows})

    def batches_with_arrivals(self, workspace_id: str, batch_ids: Sequence[str]) -> set[str]:
        """Which of these batches have brought records. Reads the whole table of arrivals."""
        found: set[str] = set()
        for start in range(0, len(batch_ids), _IDS_PER_QUERY):
            where = one_of("batch_id", batch_ids[start : start + _IDS_PER_QUERY])
            rows = self.table(workspace_id, ARRIVALS_TABLE).read(
                lambda now, where=where: now.select(["batch_id"], where), []
            )
            found.update(row["batch_id"] for row in rows)
        return found

    def page_records(
        self,
        workspace_id: str,
        filters: RecordFilters = RecordFilters(),  # noqa: B008  (frozen)
        *,
        limit: int,
        before_version: int | None = None,
        max_bytes: int = paging.MAX_PAGE_BYTES,
    ) -> RecordPage:
        """Records the filters hold for, newest arrival first.

        A page neither repeats nor skips a record that stays as it is while pages are turned; one
        that arrives again moves to the front.

        Args:
            limit: most records of the page.
            before_version: the last page's ``next_before``.
            max_bytes: a page ends before its ``data`` would pass this, save for its first record.

        Raises:
            ValueError: a filter's value is not valid Unicode, or a time has no zone.
        """
        table = self.table(workspace_id, RECORDS_TABLE)
        known = self._newest_versions.get(workspace_id)
        newest = table.read(lambda now: paging.newest_version(now, known), None)
        if newest is None:
            return RecordPage(records=[], next_before=None)
        self._newest_versions[workspace_id] = newest
        request = paging.PageRequest(
            filters=filters,
            limit=limit,
            before=newest + 1 if before_version is None else min(before_version, newest + 1),
            max_bytes=max_bytes,
        )
        empty = RecordPage(records=[], next_before=None)
        return table.read(lambda now: paging.read_page(now, request), empty)

    def count_records(self, workspace_id: str) -> int:
        """How many records the workspace has."""
        return self.table(workspace_id, RECORDS_TABLE).read(lambda now: now.count(), 0)

    def summary(self, workspace_id: str) -> RecordSummary:
        """The workspace's records, counted by type and by source."""
        none: list[Row] = []
        rows = self.table(workspace_id, RECORDS_TABLE).read(
            lambda now: now.count_by(["type", "source"]), none
        )
        return RecordSummary(
            records=sum(row["count_all"] for row in rows),
            by_type=_totals_by(rows, "type"),
            by_source=_totals_by(rows, "source"),
        )

    def current_versions(self, workspace_id: str, record_ids: Sequence[str]) -> dict[str, int]:
        """The current version of each of these records that is there."""
        if not record_ids:
            return {}
        where = one_of("record_id", record_ids)
        rows = self.table(workspace_id, RECORDS_TABLE).read(
            lambda now: now.select(["record_id", "version"], where), []
        )
        return {row["record_id"]: row["version"] for row in rows}

    def write_utterances(
        self, workspace_id: str, records: Sequence[RecordUtterances]
    ) -> UtteranceWriteResult:
        """Put what these records say in place of what they and their attachments said before.

        What attachments of this very version say stays. Records must have been merged before. A
        version that is no longer its record's current one is left out. May be called again;
        synced when it returns.

        Raises:
            ValueError: a record has more utterances than it may.
        """
        return self._write_groups(workspace_id, records, utterances.replace_record_utterances)

    def write_attachment_utterances(
        self, workspace_id: str, groups: Sequence[AttachmentUtterances]
    ) -> UtteranceWriteResult:
        """Add what attachments say to what their records say, before or after those are written.

        Each takes the place of what the same attachment said before, and touches no other. All
        are in memory at once, so a caller brings as many as that allows. Otherwise as
        :meth:`write_utterances`.
        """
        return self._write_groups(workspace_id, groups, utterances.replace_attachment_utterances)

    def _write_groups(
        self,
        workspace_id: str,
        groups: Sequence[Group],
        write: Callable[[TableWriter, Sequence[Group], Mapping[str, int]], UtteranceWriteResult],
    ) -> UtteranceWriteResult:
        if not groups:
            return UtteranceWriteResult(records=0, utterances=0, stale=0)
        # Inside the lock, so that of two versions the current one is written last.
        with self.table(workspace_id, UTTERANCES_TABLE).writing() as writer:
            ids = list({one.record_id for one in groups})
            return write(writer, groups, self.current_versions(workspace_id, ids))

    def find_utterances(
        self,
        workspace_id: str,
        query: TextQuery,
        filters: UtteranceFilters = UtteranceFilters(),  # noqa: B008  (frozen)
        *,
        limit: int,
        offset: int = 0,
    ) -> tuple[list[UtteranceMatch], bool]:
        """The best utterances of records' current versions, best first, and whether more follow.

        Raises:
            ValueError: a text is not valid Unicode, a time has no zone, or
                ``offset`` + ``limit`` passes :data:`everlake.lake.utterances.MAX_HITS`.
        """
        search = utterances.UtteranceSearch(
            query=query, filters=filters, limit=limit, offset=offset
        )
        none: tuple[list[UtteranceMatch], bool] = ([], False)
        return self.table(workspace_id, UTTERANCES_TABLE).read(
            lambda now: utterances.find_utterances(
                now, search, lambda ids: self.current_versions(workspace_id, ids)
            ),
            none,
        )

    def maintain(self, workspace_id: str) -> list[MaintenanceStep]:
        """Fold small fragments, extend indices, drop old versions, where it is worth doing.

        Steps are small, and other threads' merges come through in between. To be called every
        few seconds by the process that writes the workspace. Also clears away the tables that
        others have taken the place of.
        """
        self._remove_replaced_tables(workspace_id)
        return [
            step
            for spec in DERIVED_TABLES
            if self.table(workspace_id, spec).exists()
            for step in maintain_table(self.table(workspace_id, spec), spec)
        ]

    def has_unpublished_versions(self, workspace_id: str) -> bool:
        """Whether a writer died, or lost its power, before all of its work was on disk.

        While one is at work, this holds now and then.
        """
        return any(
            self.table(workspace_id, spec).has_unpublished_versions() for spec in DERIVED_TABLES
        )

    def repair(self, workspace_id: str) -> None:
        """Set aside what such a writer left; the next write to a table does it as well."""
        for spec in DERIVED_TABLES:
            table = self.table(workspace_id, spec)
            if table.has_unpublished_versions():
                with table.writing():
                    pass

    def _remove_replaced_tables(self, workspace_id: str) -> None:
        try:
            self.table_set(workspace_id).remove_replaced()
        except OSError as error:
            raise LakeUnavailable(
                f"The tables that were replaced in {self.table_set(workspace_id).uri} cannot be "
                f"removed: {error}. Check the disk's health and permissions."
            ) from error

    def table(self, workspace_id: str, spec: TableSpec) -> Table:
        """One of the workspace's tables, for what goes through many of its rows."""
        key = (workspace_id, spec.name)
        table = self._tables.get(key)
        if table is None:
            versions = self._backend.version_store(workspace_id, spec, self._caches)
            with self._lock:
                table = self._tables.setdefault(key, Table(spec, versions))
        return table


def _should_use_index(now: Snapshot, rows: int) -> bool:
    """Whether to look ``rows`` keys up, in place of reading the key of every row."""
    if now.count() < rows * KEYS_SCANNED_PER_LOOKUP:
        return False
    unindexed = now.values("data_bytes", now.unindexed_fragments("record_id"))
    return sum(unindexed) <= MAX_UNINDEXED_BYTES


def _totals_by(rows: Sequence[Row], column: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row[column]] = totals.get(row[column], 0) + row["count_all"]
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))
