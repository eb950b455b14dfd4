"""From the first look at the catalog to the last second look at what is wrong."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

from everlake.catalog import sequence, workspaces
from everlake.catalog.batches import BatchRow
from everlake.catalog.engine import Catalog
from everlake.catalog.fields import in_chunks
from everlake.contract.identity import sequence_of
from everlake.lake.errors import LakeDamaged
from everlake.lake.lake import RECORDS, SPECS, UTTERANCES, Lake
from everlake.lake.problems import Problem
from everlake.lake.scratch import scratch
from everlake.lake.verify import findings
from everlake.lake.verify.contents import lost_contents
from everlake.lake.verify.evidence import Evidence
from everlake.lake.verify.objects import Objects
from everlake.lake.verify.orphans import orphans
from everlake.lake.verify.report import EmptyTables, Verified, about_tables, rebuild
from everlake.landing.lines import LandedRecord
from everlake.landing.objects import UNREADABLE, read_accepted
from everlake.storage import ObjectStore

Says: TypeAlias = Callable[[LandedRecord], bool]
Watch: TypeAlias = Callable[[str, int, int | None], None]

LOOKS = 3
"""How often to look before what is wrong is believed."""

MOST_SUSPECTS = 20_000
"""Where more records than these are suspect, all are looked at again."""

_PAUSE_SECONDS = 0.5


def verify(
    catalog: Catalog,
    store: ObjectStore,
    lake: Lake,
    workspace_id: str,
    *,
    says: Says,
    watch: Watch,
    directory: Path,
) -> Verified:
    """Hold the workspace's archive, catalog and tables against each other; change nothing.

    Args:
        says: whether the analysis finds anything said in a record.
        watch: told what is being done, how many records of it are done, and of how many.
        directory: an empty one, for what does not fit into memory.

    Raises:
        NoRoom: that directory is too small.
        LakeUnavailable, CatalogUnavailable, StorageUnavailable: something cannot be read now.
    """
    with scratch(directory) as work:
        look = _Look(catalog, store, lake, workspace_id, says, watch, Evidence(work))
        look.first()
        for _ in range(LOOKS - 1):
            if not look.again():
                break
        return look.verified()


class _Look:
    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        lake: Lake,
        workspace_id: str,
        says: Says,
        watch: Watch,
        evidence: Evidence,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._lake = lake
        self._workspace_id = workspace_id
        self._says = says
        self._watch = watch
        self._evidence = evidence
        self._work = evidence.work
        self._objects = Objects(store, workspace_id)
        self._archived = 0
        self._records = 0
        self._gaps: list[Problem] = []
        self._rows: dict[str, int] = {}
        self._damage: dict[str, Problem] = {}
        self._narrowed = False

    def first(self) -> None:
        """Look at everything."""
        self._expect_and_read(None)
        self._archive()
        self._find()

    def again(self) -> bool:
        """Look again at what was wrong; False where nothing was."""
        suspects = findings.suspects(self._work, MOST_SUSPECTS + 1)
        if not suspects and not self._objects.wrong and not self._damage:
            return False
        time.sleep(_PAUSE_SECONDS)
        if len(suspects) <= MOST_SUSPECTS and not self._damage:
            self._narrowed = True
        self._expect_and_read(suspects if self._narrowed else None)
        self._read_unreadable_again()
        self._archive()
        if self._narrowed:
            self._evidence.keep_only("wrong")
        self._find()
        return True

    def verified(self) -> Verified:
        """All that is wrong."""
        with self._catalog.read() as tx:
            total = sequence.totals(tx, self._workspace_id)
        empty = EmptyTables({name for name, rows in self._rows.items() if not rows})
        found = empty.sort_out(findings.findings(self._work))
        self._watch("looking for the content of attachments", 0, None)
        lost = lost_contents(self._catalog, self._store, self._work, self._workspace_id)
        tables = [*about_tables(self._catalog, self._workspace_id, self._objects, found)]
        return Verified(
            workspace_id=self._workspace_id,
            batches=total.batches,
            records=self._rows.get(RECORDS.name, 0),
            problems=[
                *self._gaps,
                *self._damage.values(),
                *empty.problems(self._workspace_id),
                *tables,
                *lost,
            ],
            orphans=orphans(self._catalog, self._store, self._workspace_id),
        )

    def _expect_and_read(self, only: list[str] | None) -> None:
        self._evidence.expect(self._numbered())
        for spec in SPECS:
            self._watch(f"reading the table {spec.name}", 0, None)
            try:
                rows = self._evidence.read(self._lake.table(self._workspace_id, spec), only)
            except LakeDamaged as damage:
                self._damage[spec.name] = Problem(
                    batch_id=None, problem=str(damage), action=rebuild(self._workspace_id)
                )
                rows = 0
            else:
                self._damage.pop(spec.name, None)
            if only is None:
                self._rows[spec.name] = rows

    def _numbered(self) -> Iterator[BatchRow]:
        """All batches by sequence, which grows by one."""
        with self._catalog.read() as tx:
            workspace = workspaces.get(tx, self._workspace_id)
        self._gaps = []
        expected = 1
        for batch in sequence.walk(self._catalog, self._workspace_id):
            if batch.sequence > expected:
                self._gaps.append(_gap(expected, batch.sequence - 1))
            expected = batch.sequence + 1
            yield batch
        if workspace is not None and workspace.last_sequence >= expected:
            self._gaps.append(_gap(expected, workspace.last_sequence))

    def _archive(self) -> None:
        """Take down what the archive has of batches that were not there at the last look.

        Some came after the tables were read: they explain nothing, and nothing is expected of them.
        """
        with self._catalog.read() as tx:
            total = sequence.totals(tx, self._workspace_id).records
        for batch in sequence.walk(self._catalog, self._workspace_id, after=self._archived):
            records = self._objects.read(batch)
            if records is None:
                self._evidence.unreadable(batch)
            else:
                self._evidence.archive(batch, records)
            self._archived = batch.sequence
            self._records += batch.accepted
            self._watch("reading the archive", self._records, total)
        self._evidence.flush()

    def _read_unreadable_again(self) -> None:
        wrong = self._objects.wrong
        for batch in sequence.numbered(self._catalog, self._workspace_id, wrong):
            records = self._objects.read(batch)
            if records is not None:
                self._evidence.archive_anew(batch, records)

    def _find(self) -> None:
        self._watch("comparing", 0, None)
        read = [name for name in self._rows if name not in self._damage]
        findings.find(self._work, read)
        for some in in_chunks(self._silent(read)):
            findings.add_silent(self._work, some)
            if not self._rows[UTTERANCES.name]:
                break  # these are enough to tell that the table should not be empty

    def _silent(self, read: Collection[str]) -> Iterator[int]:
        """Versions that say something, which is not there."""
        perhaps = findings.perhaps_silent(self._work, read)
        for number, versions in groupby(perhaps, key=sequence_of):
            for record in self._read_records(number, set(versions)):
                if self._says(record):
                    yield record.version

    def _read_records(self, number: int, versions: set[int]) -> list[LandedRecord]:
        found: list[LandedRecord] = []
        with suppress(*UNREADABLE):
            for batch in sequence.numbered(self._catalog, self._workspace_id, [number]):
                found += [
                    one for one in read_accepted(self._store, batch) if one.version in versions
                ]
        return found


def _gap(first: int, last: int) -> Problem:
    numbers = f"number {first:,}" if first == last else f"numbers {first:,} to {last:,}"
    return Problem(
        batch_id=None,
        problem=f"the catalog has no batches of the {numbers}, and they were there",
        action="rows were deleted from the catalog: put a backup of it back",
    )
