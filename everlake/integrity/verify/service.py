"""Verification of one workspace, from the first pass to the last check of what is wrong."""

import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import groupby, islice
from pathlib import Path

from everlake.batching import chunked
from everlake.catalog import batch_scan, workspaces
from everlake.catalog.database import Catalog
from everlake.contract.record_identity import sequence_of
from everlake.integrity.temporary_database import LOAD_ROWS, temporary_database
from everlake.integrity.types import IntegrityProblem, StepProgressCallback, rebuild_command
from everlake.integrity.verify.archive_objects import ArchiveObjects
from everlake.integrity.verify.attachment_contents import missing_contents
from everlake.integrity.verify.checks import TableChecks
from everlake.integrity.verify.compared_table import record_table
from everlake.integrity.verify.comparison import ComparisonDatabase
from everlake.integrity.verify.report import EmptyTables, batch_problems
from everlake.integrity.verify.types import TableCheck, VerificationResult
from everlake.lake import Lake, LakeDamaged
from everlake.landing.batch_objects import UNREADABLE_ERRORS, read_accepted
from everlake.landing.orphans import iter_orphans
from everlake.model.batches import BatchRow
from everlake.storage import ObjectStore

MAX_PASSES = 3
"""Passes before what is wrong is reported."""

MAX_SUSPECTS = 20_000
"""If more records than these are suspect, the next pass checks all records again."""

MAX_REPORTED_ORPHANS = 1_000

_MIN_ORPHAN_AGE_MS = 60_000
"""A younger object may still become a batch's."""
_RECHECK_DELAY_SECONDS = 0.5


def verify(
    catalog: Catalog,
    store: ObjectStore,
    lake: Lake,
    workspace_id: str,
    *,
    report_progress: StepProgressCallback,
    temporary_directory: Path,
) -> VerificationResult:
    """Compare archive, catalog and tables of a workspace; change nothing.

    Args:
        catalog: has the batches.
        store: the archive.
        lake: the tables.
        workspace_id: the workspace.
        report_progress: is called after each piece of work.
        temporary_directory: an empty directory for what does not fit into memory.

    Raises:
        TemporaryStorageFull: that directory is too small.
        LakeUnavailable, CatalogUnavailable, StorageUnavailable: something cannot be read now.
    """
    with temporary_database(temporary_directory) as database:
        comparison = ComparisonDatabase(database, lake.registry)
        verification = _Verification(
            catalog, store, lake, workspace_id, report_progress, comparison
        )
        verification.check_all()
        for _ in range(MAX_PASSES - 1):
            if not verification.recheck():
                break
        return verification.result()


class _Verification:
    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        lake: Lake,
        workspace_id: str,
        report_progress: StepProgressCallback,
        comparison: ComparisonDatabase,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._lake = lake
        self._workspace_id = workspace_id
        self._report_progress = report_progress
        self._comparison = comparison
        self._checks = TableChecks(comparison.database, comparison.tables)
        self._archive_objects = ArchiveObjects(store, workspace_id)
        self._loaded_sequence = 0
        self._loaded_records = 0
        self._gaps: list[IntegrityProblem] = []
        self._row_counts: dict[str, int] = {}
        self._damaged_tables: dict[str, IntegrityProblem] = {}
        self._suspects_only = False

    def check_all(self) -> None:
        """Check everything."""
        self._load_catalog_and_tables(None)
        self._load_archive()
        self._run_checks()

    def recheck(self) -> bool:
        """Check again what was wrong; return False when nothing was."""
        suspects = self._checks.suspect_record_ids(MAX_SUSPECTS + 1)
        if (
            not suspects
            and not self._archive_objects.damaged_sequences
            and not self._damaged_tables
        ):
            return False
        time.sleep(_RECHECK_DELAY_SECONDS)
        if len(suspects) <= MAX_SUSPECTS and not self._damaged_tables:
            self._suspects_only = True
        self._load_catalog_and_tables(suspects if self._suspects_only else None)
        self._retry_unreadable()
        self._load_archive()
        if self._suspects_only:
            self._comparison.restrict_archive("wrong")
        self._run_checks()
        return True

    def result(self) -> VerificationResult:
        """Return all that is wrong."""
        with self._catalog.snapshot() as tx:
            total = batch_scan.totals(tx, self._workspace_id)
        empty = EmptyTables({name for name, rows in self._row_counts.items() if not rows})
        findings = empty.exclude(self._checks.findings())
        self._report_progress("checking the contents of attachments", 0, None)
        contents = missing_contents(
            self._catalog, self._store, self._comparison.database, self._workspace_id
        )
        by_batch = [
            *batch_problems(self._catalog, self._workspace_id, self._archive_objects, findings)
        ]
        orphans = iter_orphans(
            self._catalog, self._store, self._workspace_id, min_age_ms=_MIN_ORPHAN_AGE_MS
        )
        return VerificationResult(
            workspace_id=self._workspace_id,
            batches=total.batches,
            records=self._row_counts.get(record_table(self._lake.registry).name, 0),
            problems=[
                *self._gaps,
                *self._damaged_tables.values(),
                *empty.problems(self._workspace_id),
                *by_batch,
                *contents,
            ],
            orphans=sorted(islice(orphans, MAX_REPORTED_ORPHANS)),
        )

    def _load_catalog_and_tables(self, record_ids: list[str] | None) -> None:
        self._comparison.replace_batches(self._batches_in_sequence())
        for compared in self._comparison.tables:
            name = compared.spec.name
            self._report_progress(f"reading the table {name}", 0, None)
            table = self._lake.engine.table(self._workspace_id, compared.spec)
            try:
                rows = self._comparison.replace_table(compared, table, record_ids)
            except LakeDamaged as damage:
                self._damaged_tables[name] = IntegrityProblem(
                    batch_id=None,
                    problem=str(damage),
                    action=f"run {rebuild_command(self._workspace_id)}",
                )
                rows = 0
            else:
                self._damaged_tables.pop(name, None)
            if record_ids is None:
                self._row_counts[name] = rows

    def _batches_in_sequence(self) -> Iterator[BatchRow]:
        """Yield all batches by sequence, and note the sequences that are missing."""
        with self._catalog.snapshot() as tx:
            workspace = workspaces.get(tx, self._workspace_id)
        self._gaps = []
        expected = 1
        for batch in batch_scan.scan(self._catalog, self._workspace_id):
            if batch.sequence > expected:
                self._gaps.append(_sequence_gap(expected, batch.sequence - 1))
            expected = batch.sequence + 1
            yield batch
        if workspace is not None and workspace.last_sequence >= expected:
            self._gaps.append(_sequence_gap(expected, workspace.last_sequence))

    def _load_archive(self) -> None:
        """Load the objects of batches that are new since the last pass.

        Some are newer than the tables as they were read: nothing is expected of these.
        """
        with self._catalog.snapshot() as tx:
            total = batch_scan.totals(tx, self._workspace_id).records
        for batch in batch_scan.scan(
            self._catalog, self._workspace_id, after=self._loaded_sequence
        ):
            records = self._archive_objects.read_records(batch)
            if records is None:
                self._comparison.add_unreadable(batch)
            else:
                self._comparison.add_archived(batch, records)
            self._loaded_sequence = batch.sequence
            self._loaded_records += batch.accepted
            self._report_progress("reading the archive", self._loaded_records, total)
        self._comparison.flush()

    def _retry_unreadable(self) -> None:
        damaged = self._archive_objects.damaged_sequences
        for batch in batch_scan.scan_sequences(self._catalog, self._workspace_id, damaged):
            records = self._archive_objects.read_records(batch)
            if records is not None:
                self._comparison.replace_archived(batch, records)

    def _run_checks(self) -> None:
        self._report_progress("comparing", 0, None)
        readable = self._row_counts.keys() - self._damaged_tables.keys()
        self._checks.run(readable)
        for check in self._checks.checks:
            if check.needs_contribution and readable >= set(check.reads):
                for versions in chunked(self._contributing_candidates(check), LOAD_ROWS):
                    self._checks.add_wrong(check, versions)
                    if not self._row_counts[check.table]:
                        break  # one is enough to report that the table is empty

    def _contributing_candidates(self, check: TableCheck) -> Iterator[int]:
        """Yield the candidates of a check from which rows can be derived."""
        candidates = self._checks.candidates(check)
        for sequence, versions in groupby(candidates, key=sequence_of):
            yield from self._contributing(check.table, sequence, set(versions))

    def _contributing(
        self, table_name: str, sequence: int, versions: Collection[int]
    ) -> Iterator[int]:
        """Yield the versions of a batch from which rows of a table can be derived."""
        table = self._lake.registry[table_name]
        with suppress(*UNREADABLE_ERRORS):
            for batch in batch_scan.scan_sequences(self._catalog, self._workspace_id, [sequence]):
                contributions = [
                    table.derive(record, batch)
                    for record in read_accepted(self._store, batch)
                    if record.version in versions
                ]
                rows = table.to_arrow(contributions)
                yield from sorted(set(rows.column("version").to_pylist()))


def _sequence_gap(first: int, last: int) -> IntegrityProblem:
    numbers = f"number {first:,}" if first == last else f"numbers {first:,} to {last:,}"
    return IntegrityProblem(
        batch_id=None,
        problem=f"the catalog lacks the batches of the {numbers}, which existed",
        action="rows were deleted from the catalog: restore it from a backup",
    )
