"""Table of one workspace: reading its current version, and writing the next one."""

import logging
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from everlake.tables.analysis_versions import check_writable
from everlake.tables.arrow import ArrowField, ArrowTable
from everlake.tables.backend import VersionStore
from everlake.tables.errors import (
    ErrorKind,
    LakeDamaged,
    LakeError,
    LakeUnavailable,
    LanceError,
    TableNotFound,
)
from everlake.tables.snapshot import Snapshot
from everlake.tables.spec import IndexKind, TableSpec
from everlake.tables.types import PreparedWrite
from everlake.tables.working_snapshot import WorkingSnapshot

_log = logging.getLogger(__name__)

T = TypeVar("T")


class TableWriter:
    """Writer of one table, which it locks. Made by :meth:`Table.writing`.

    Attributes:
        snapshot: the current version; each commit moves it.
    """

    def __init__(self, snapshot: Snapshot, versions: VersionStore, spec: TableSpec) -> None:
        self.snapshot = snapshot
        self._versions = versions
        self._spec = spec

    def publish(self, snapshot: Snapshot) -> None:
        """Make ``snapshot`` durable, and then the current version."""
        self._versions.publish(snapshot, self.snapshot)
        self.snapshot = snapshot

    def commit(self, pending: PreparedWrite) -> None:
        """Make the files of a prepared write durable, commit them, and publish the version."""
        self._versions.sync(("data", "_deletions"))
        self.publish(self.snapshot.commit(pending))

    def check_analysis_version(self) -> None:
        """Return when rows that this program makes may be written.

        The methods below that change rows check it, too.

        Raises:
            LakeUnavailable: the table holds rows of another analysis version.
        """
        check_writable(self._spec, self.snapshot.analysis_version, self._versions.uri)

    def append(self, rows: ArrowTable) -> None:
        """Add rows.

        Raises:
            LakeUnavailable: the table holds rows of another analysis version.
        """
        self.check_analysis_version()
        self.commit(self.snapshot.prepare_append(rows))

    def delete(self, columns: Sequence[str], keys: Collection[tuple[Any, ...]]) -> None:
        """Delete rows by key: see :meth:`Snapshot.prepare_delete`.

        Raises:
            LakeUnavailable: the table holds rows of another analysis version.
        """
        self.check_analysis_version()
        self.commit(self.snapshot.prepare_delete(columns, keys))

    def prepare_merge(
        self, rows: ArrowTable, on: str, replace_when: str, *, use_index: bool
    ) -> PreparedWrite:
        """Write the files of a merge: see :meth:`Snapshot.prepare_merge`.

        Raises:
            LakeUnavailable: the table holds rows of another analysis version.
        """
        self.check_analysis_version()
        return self.snapshot.prepare_merge(rows, on, replace_when, use_index=use_index)

    def compact(self, keep: list[int], rows: int, batch_rows: int) -> int:
        """Compact fragments: see :meth:`Snapshot.prepare_compaction`; return how many."""
        snapshot = self._working_snapshot()
        rewrites = snapshot.prepare_compaction(keep, rows, batch_rows)
        if not rewrites:
            return 0
        self._versions.sync(("data", "_deletions"))
        compacted = snapshot.commit_compaction(rewrites)
        self.publish(snapshot)
        return compacted

    def extend_index(self, column: str, segments: int) -> None:
        """Extend an index: see :meth:`Snapshot.extend_index`."""
        snapshot = self._working_snapshot()
        snapshot.extend_index(column, segments)
        self.publish(snapshot)

    def create_index(self, column: str, kind: IndexKind) -> None:
        """Build an index: see :meth:`Snapshot.create_index`."""
        snapshot = self._working_snapshot()
        snapshot.create_index(column, kind)
        self.publish(snapshot)

    def add_columns(self, fields: Sequence[ArrowField]) -> None:
        """Add columns: see :meth:`Snapshot.add_columns`."""
        snapshot = self._working_snapshot()
        snapshot.add_columns(fields)
        self.publish(snapshot)

    def restore(self, version: int) -> None:
        """Restore an earlier version as the current one."""
        if version != self.snapshot.version:
            snapshot = WorkingSnapshot.of(self.snapshot.at_version(version))
            snapshot.restore()
            self.publish(snapshot)
            self._versions.prepared = False  # it may lack columns

    def remove_other_versions(self) -> None:
        """Delete all other versions and unused files. Nobody else may use the table."""
        self._versions.remove_other_versions(self._working_snapshot())

    def _working_snapshot(self) -> WorkingSnapshot:
        return WorkingSnapshot.of(self.snapshot)


class Table:
    """A table that may not exist yet: reading it then finds nothing, writing creates it.

    Threads may share it: they read in parallel, and write one at a time. Leases decide elsewhere
    which process writes; the version store keeps out one that lost its lease without noticing.
    A swap (:class:`~everlake.tables.backend.TableSet`) may put another table in its place: the next
    read or write notices.

    Args:
        spec: the table.
        versions: its version store.
        workspace_id: the workspace of the table.
        is_expected: whether the table must exist, since batches are in it. It is asked only where
            there is no table, and before a write.
    """

    def __init__(
        self,
        spec: TableSpec,
        versions: VersionStore,
        workspace_id: str,
        is_expected: Callable[[], bool],
    ) -> None:
        self._spec = spec
        self._versions = versions
        self._workspace_id = workspace_id
        self._is_expected = is_expected
        self._lock = threading.RLock()

    @property
    def uri(self) -> str:
        """Path or URL of the table, as other tools take it."""
        return self._versions.uri

    @property
    def spec(self) -> TableSpec:
        """Specification of the table."""
        return self._spec

    def exists(self) -> bool:
        """Return whether the table exists.

        Raises:
            LakeUnavailable
        """
        return self._versions.exists()

    def check_present(self) -> None:
        """Check that the table is there, if batches are in it.

        Without it a reader would find nothing, and a writer begin another table, as if those
        batches had never been.

        Raises:
            LakeDamaged: it is missing.
            LakeUnavailable
        """
        is_lost = self._versions.is_lost()
        if not is_lost and not self._versions.exists():
            # The first batch may have been written meanwhile, so the table is looked for again.
            is_lost = self._is_expected() and not self._versions.exists()
        if is_lost:
            raise LakeDamaged(
                self._workspace_id,
                self._spec.name,
                f"its files are missing in {self.uri}. If a disk is not mounted, mount it",
            )

    def latest(self) -> Snapshot | None:
        """Return the current version, None when there is no table.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        return self.read(lambda now: now, None)

    def classify_failure(self, snapshot: Snapshot, error: LanceError) -> LakeError:
        """Return the error to raise when reading ``snapshot``, opened a while ago, failed."""
        try:
            changed = self._versions.latest() is not snapshot
        except (LanceError, LakeError):
            changed = False
        if changed and error.kind is ErrorKind.MISSING:
            return LakeUnavailable(
                f"The lake table {self.uri} was rewritten and cleaned up while it was read. "
                "Run the command again."
            )
        return self._versions.classify(error)

    def read(self, query: Callable[[Snapshot], T], empty: T) -> T:
        """Return the result of ``query`` on the current version.

        A clean-up or a swap may remove a version while it is read, so a failed query is retried
        once on the reopened table.

        Args:
            query: reads a snapshot.
            empty: what to return when there is no table.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        try:
            return self._read_once(query, empty)
        except LanceError as error:
            _log.info("reopening %s after: %s", self.uri, error)
        self._versions.invalidate()
        try:
            return self._read_once(query, empty)
        except LanceError as error:
            raise self._versions.classify(error) from error

    @contextmanager
    def writing(self) -> Generator[TableWriter]:
        """Lock the table for the length of a block, and write upon its current version.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        # Before the lock, whose directory would stand where the missing one has to be put back.
        self._check_before_writing()
        with self.exclusive():
            try:
                writer = TableWriter(self._versions.checkout(), self._versions, self._spec)
                if not self._versions.prepared:
                    self._prepare(writer)
                yield writer
            except LanceError as error:
                self._versions.invalidate()
                raise self._versions.classify(error) from error
            except OSError as error:
                raise LakeUnavailable(
                    f"The lake table {self.uri} cannot be written: {error}. "
                    "Check the disk's space and health; the work is tried again."
                ) from error
            except LakeUnavailable:
                self._versions.invalidate()
                raise
            self._versions.finish(writer.snapshot)

    def _check_before_writing(self) -> None:
        try:
            self.check_present()
        except LanceError as error:
            raise self._versions.classify(error) from error
        except OSError as error:
            raise LakeUnavailable(
                f"The lake table {self.uri} cannot be read: {error}. "
                "Check the disk's health and permissions; the work is tried again."
            ) from error

    def has_unpublished_versions(self) -> bool:
        """Return whether readers would find a version that was never published.

        Raises:
            LakeUnavailable
        """
        return self._versions.has_unpublished_versions()

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """Keep other writers away for the length of a block, also a process that was paused.

        Lance combines the commits of two writers, after which a record that both insert exists
        twice.

        Raises:
            LakeUnavailable: another writer held the lock for too long.
        """
        with self._lock, ExitStack() as held:
            try:
                held.enter_context(self._versions.exclusive())
            except OSError as error:
                raise LakeUnavailable(
                    f"The lake table {self.uri} cannot be locked for writing: {error}. "
                    "Check that no other Everlake writes there; the work is tried again."
                ) from error
            yield

    def remove_old_versions(self) -> int:
        """Remove versions that nobody reads any more, if there are many; return how many.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        try:
            return self._versions.remove_old_versions()
        except LanceError as error:
            raise self._versions.classify(error) from error
        except OSError as error:
            raise LakeUnavailable(
                f"Old versions of the lake table {self.uri} cannot be deleted: {error}. "
                "Check the disk's health and permissions."
            ) from error

    def _read_once(self, query: Callable[[Snapshot], T], empty: T) -> T:
        try:
            return query(self._versions.latest())
        except TableNotFound:
            self.check_present()
            return empty

    def _prepare(self, writer: TableWriter) -> None:
        """Complete what an earlier writer may have left incomplete: syncs, columns, indexes."""
        writer.publish(writer.snapshot)
        if missing := writer.snapshot.missing_fields():
            writer.add_columns(missing)
        for column, kind in self._spec.indexes.items():
            if column not in writer.snapshot.indexed_columns():
                writer.create_index(column, kind)
        self._versions.prepared = True
