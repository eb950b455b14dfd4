"""From the first look at the catalog to the last second look at what is wrong."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

from everlake.batching import chunked
from everlake.catalog import batch_scan, workspaces
from everlake.catalog.batches import BatchRow
from everlake.catalog.database import Catalog
from everlake.contract.record_identity import sequence_of
from everlake.integrity.temporary_database import temporary_database
from everlake.integrity.types import IntegrityProblem
from everlake.integrity.verify import checks
from everlake.integrity.verify.archive_objects import ArchiveObjects
from everlake.integrity.verify.attachment_contents import missing_contents
from everlake.integrity.verify.comparison import ComparisonDatabase
from everlake.integrity.verify.orphans import find_orphans
from everlake.integrity.verify.report import (
    EmptyTables,
    VerificationResult,
    batch_problems,
    rebuild_command,
)
from everlake.lake import Lake
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.lake.utterance_rows import UTTERANCES_TABLE
from everlake.landing.batch_objects import UNREADABLE_ERRORS, read_accepted
from everlake.landing.lines import LandedRecord
from everlake.storage import ObjectStore
from everlake.tables.errors import LakeDamaged

HasUtterances: TypeAlias = Callable[[LandedRecord], bool]
StepProgressCallback: TypeAlias = Callable[[str, int, int | None], None]

_CHUNK_SIZE = 500
MAX_PASSES = 3
"""How often to look before what is wrong is believed."""

MAX_SUSPECTS = 20_000
"""Where more records than these are suspect, all are looked at again."""

_RECHECK_DELAY_SECONDS = 0.5


def verify(
    catalog: Catalog,
    store: ObjectStore,
    lake: Lake,
    workspace_id: str,
    *,
    has_utterances: HasUtterances,
    report_progress: StepProgressCallback,
    temporary_directory: Path,
) -> VerificationResult:
    """Hold the workspace's archive, catalog and tables against each other; change nothing.

    Args:
        has_utterances: whether the analysis finds anything said in a record.
        watch: told what is being done, how many records of it are done, and of how many.
        temporary_directory: an empty one, for what does not fit into memory.

    Raises:
        NoRoom: that directory is too small.
        LakeUnavailable, CatalogUnavailable, StorageUnavailable: something cannot be read now.
    """
    with temporary_database(temporary_directory) as work:
        look = _Verification(
            catalog,
            store,
            lake,
            workspace_id,
            has_utterances,
            report_progress,
            ComparisonDatabase(work),
        )
        look.check_all()
        for _ in range(MAX_PASSES - 1):
            if not look.recheck():
                break
        return look.result()


class _Verification:
    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        lake: Lake,
        workspace_id: str,
        has_utterances: HasUtterances,
        report_progress: StepProgressCallback,
        comparison: ComparisonDatabase,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._lake = lake
        self._workspace_id = workspace_id
        self._has_utterances = has_utterances
        self._report_progress = report_progress
        self._comparison = comparison
        self._database = comparison.database
        self._archive_objects = ArchiveObjects(store, workspace_id)
        self._loaded_sequence = 0
        self._loaded_records = 0
        self._gaps: list[IntegrityProblem] = []
        self._row_counts: dict[str, int] = {}
        self._damaged_tables: dict[str, IntegrityProblem] = {}
        self._suspects_only = False

    def check_all(self) -> None:
        """Look at everything."""
        self._load_catalog_and_tables(None)
        self._load_archive()
        self._run_checks()

    def recheck(self) -> bool:
        """Look again at what was wrong; False where nothing was."""
        suspects = checks.suspect_record_ids(self._database, MAX_SUSPECTS + 1)
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
        """All that is wrong."""
        with self._catalog.snapshot() as tx:
            total = batch_scan.totals(tx, self._workspace_id)
        empty = EmptyTables({name for name, rows in self._row_counts.items() if not rows})
        found = empty.exclude(checks.list_findings(self._database))
        self._report_progress("looking for the content of attachments", 0, None)
        lost = missing_contents(self._catalog, self._store, self._database, self._workspace_id)
        tables = [*batch_problems(self._catalog, self._workspace_id, self._archive_objects, found)]
        return VerificationResult(
            workspace_id=self._workspace_id,
            batches=total.batches,
            records=self._row_counts.get(RECORDS_TABLE.name, 0),
            problems=[
                *self._gaps,
                *self._damaged_tables.values(),
                *empty.problems(self._workspace_id),
                *tables,
                *lost,
            ],
            orphans=find_orphans(self._catalog, self._store, self._workspace_id),
        )

    def _load_catalog_and_tables(self, record_ids: list[str] | None) -> None:
        self._comparison.replace_batches(self._batches_in_sequence())
        for spec in self._lake.registry.specs:
            self._report_progress(f"reading the table {spec.name}", 0, None)
            try:
                rows = self._comparison.replace_table(
                    self._lake.engine.table(self._workspace_id, spec), record_ids
                )
            except LakeDamaged as damage:
                self._damaged_tables[spec.name] = IntegrityProblem(
                    batch_id=None, problem=str(damage), action=rebuild_command(self._workspace_id)
                )
                rows = 0
            else:
                self._damaged_tables.pop(spec.name, None)
            if record_ids is None:
                self._row_counts[spec.name] = rows

    def _batches_in_sequence(self) -> Iterator[BatchRow]:
        """All batches by sequence, which grows by one."""
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
        """Take down what the archive has of batches that were not there at the last look.

        Some came after the tables were read: they explain nothing, and nothing is expected of them.
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
        wrong = self._archive_objects.damaged_sequences
        for batch in batch_scan.scan_sequences(self._catalog, self._workspace_id, wrong):
            records = self._archive_objects.read_records(batch)
            if records is not None:
                self._comparison.replace_archived(batch, records)

    def _run_checks(self) -> None:
        self._report_progress("comparing", 0, None)
        read = [name for name in self._row_counts if name not in self._damaged_tables]
        checks.run_checks(self._database, read)
        for some in chunked(self._missing_utterances(read), _CHUNK_SIZE):
            checks.add_missing_utterances(self._database, some)
            if not self._row_counts[UTTERANCES_TABLE.name]:
                break  # these are enough to tell that the table should not be empty

    def _missing_utterances(self, readable_tables: Collection[str]) -> Iterator[int]:
        """Versions that say something, which is not there."""
        perhaps = checks.versions_without_utterances(self._database, readable_tables)
        for number, versions in groupby(perhaps, key=sequence_of):
            for record in self._read_records(number, set(versions)):
                if self._has_utterances(record):
                    yield record.version

    def _read_records(self, number: int, versions: set[int]) -> list[LandedRecord]:
        found: list[LandedRecord] = []
        with suppress(*UNREADABLE_ERRORS):
            for batch in batch_scan.scan_sequences(self._catalog, self._workspace_id, [number]):
                found += [
                    one for one in read_accepted(self._store, batch) if one.version in versions
                ]
        return found


def _sequence_gap(first: int, last: int) -> IntegrityProblem:
    numbers = f"number {first:,}" if first == last else f"numbers {first:,} to {last:,}"
    return IntegrityProblem(
        batch_id=None,
        problem=f"the catalog has no batches of the {numbers}, and they were there",
        action="rows were deleted from the catalog: put a backup of it back",
    )
