"""One table of one workspace: reading its latest version, and writing the next."""

import logging
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from everlake.tables.analysis_versions import check_writable
from everlake.tables.arrow import ArrowField, ArrowTable
from everlake.tables.backend import VersionStore
from everlake.tables.errors import LakeError, LakeUnavailable, LanceError, TableNotFound
from everlake.tables.snapshot import Snapshot
from everlake.tables.spec import IndexKind, TableSpec
from everlake.tables.types import PreparedWrite

_log = logging.getLogger(__name__)

T = TypeVar("T")


class TableWriter:
    """The right to write one table; made by :meth:`Table.writing`.

    ``snapshot`` is the latest version, and moves with each commit.
    """

    def __init__(self, snapshot: Snapshot, versions: VersionStore, spec: TableSpec) -> None:
        self.snapshot = snapshot
        self._versions = versions
        self._spec = spec

    def publish(self, snapshot: Snapshot) -> None:
        """Let ``snapshot`` be the version that counts, once all that is new in it is safe."""
        self._versions.publish(snapshot, self.snapshot)
        self.snapshot = snapshot

    def commit(self, pending: PreparedWrite) -> None:
        """Make prepared files safe, make them count, make that safe."""
        self._versions.sync(("data", "_deletions"))
        self.publish(self.snapshot.commit(pending))

    def append(self, rows: ArrowTable) -> None:
        """Add rows.

        Raises:
            LakeUnavailable: the table holds rows of another analysis version.
        """
        self._check_analysis_version()
        self.commit(self.snapshot.prepare_append(rows))

    def delete(self, columns: Sequence[str], keys: Collection[tuple[Any, ...]]) -> None:
        """Delete rows by key: see :meth:`Snapshot.prepare_delete`.

        Raises:
            LakeUnavailable: the table holds rows of another analysis version.
        """
        self._check_analysis_version()
        self.commit(self.snapshot.prepare_delete(columns, keys))

    def prepare_merge(
        self, rows: ArrowTable, on: str, replace_when: str, *, use_index: bool
    ) -> PreparedWrite:
        """Write the files of a merge: see :meth:`Snapshot.prepare_merge`.

        Raises:
            LakeUnavailable: the table holds rows of another analysis version.
        """
        self._check_analysis_version()
        return self.snapshot.prepare_merge(rows, on, replace_when, use_index=use_index)

    def compact(self, keep: list[int], rows: int, batch_rows: int) -> int:
        """As :meth:`Snapshot.prepare_compaction`; how many fragments were folded."""
        snapshot = self._private_snapshot()
        rewrites = snapshot.prepare_compaction(keep, rows, batch_rows)
        if not rewrites:
            return 0
        self._versions.sync(("data", "_deletions"))
        folded = snapshot.commit_compaction(rewrites)
        self.publish(snapshot)
        return folded

    def extend_index(self, column: str, segments: int) -> None:
        """As :meth:`Snapshot.extend_index`."""
        snapshot = self._private_snapshot()
        snapshot.extend_index(column, segments)
        self.publish(snapshot)

    def create_index(self, column: str, kind: IndexKind) -> None:
        """As :meth:`Snapshot.create_index`."""
        snapshot = self._private_snapshot()
        snapshot.create_index(column, kind)
        self.publish(snapshot)

    def add_columns(self, fields: Sequence[ArrowField]) -> None:
        """As :meth:`Snapshot.add_columns`."""
        snapshot = self._private_snapshot()
        snapshot.add_columns(fields)
        self.publish(snapshot)

    def restore(self, version: int) -> None:
        """Make an earlier version the newest again."""
        if version != self.snapshot.version:
            snapshot = self.snapshot.at_version(version).reopen()
            snapshot.restore()
            self.publish(snapshot)
            self._versions.prepared = False  # it may be from before a column came

    def remove_other_versions(self) -> None:
        """Delete every other version and what no version uses; nobody else may use the table."""
        self._versions.remove_other_versions(self._private_snapshot())

    def _check_analysis_version(self) -> None:
        check_writable(self._spec, self.snapshot.analysis_version, self._versions.uri)

    def _private_snapshot(self) -> Snapshot:
        """A snapshot that no reader shares, for the calls that change theirs."""
        return self.snapshot.reopen()


class Table:
    """A table that may not exist yet; reading it then gives nothing, writing creates it.

    Threads may share it: reads run side by side, writes one at a time. Which process writes is
    settled elsewhere, by a lease; the place of its versions keeps out one that lost the lease and
    does not know. Any number may read. Another table may take its place (:class:`Place`): that is
    noticed at the next read or write.
    """

    def __init__(self, spec: TableSpec, versions: VersionStore) -> None:
        self._spec = spec
        self._versions = versions
        self._lock = threading.RLock()

    @property
    def uri(self) -> str:
        """The table's place: a path or a URL, as other tools take it."""
        return self._versions.uri

    @property
    def spec(self) -> TableSpec:
        """Its name and form."""
        return self._spec

    def exists(self) -> bool:
        """Whether there is anything of it.

        Raises:
            LakeUnavailable
        """
        return self._versions.exists()

    def latest(self) -> Snapshot | None:
        """The latest version, None when there is no table.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        return self.read(lambda now: now, None)

    def classify_failure(self, snapshot: Snapshot, error: LanceError) -> LakeError:
        """Why ``snapshot``, which was opened a while ago, could not be read to its end."""
        try:
            changed = self._versions.latest() is not snapshot
        except (LanceError, LakeError):
            changed = False
        if changed and "ot found" in str(error):
            return LakeUnavailable(
                f"The lake table {self.uri} was written anew and tidied up while it was read. "
                "Run the command again."
            )
        return self._versions.classify(error)

    def read(self, query: Callable[[Snapshot], T], empty: T) -> T:
        """What ``query`` makes of the latest version; ``empty`` when there is no table.

        A version that vanishes while it is read (cleaned up, or the table moved away) is read
        once more from a fresh opening.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        try:
            return query(self._versions.latest())
        except TableNotFound:
            return empty
        except LanceError as fault:
            _log.info("reading %s again after: %s", self.uri, fault)
        self._versions.invalidate()
        try:
            return query(self._versions.latest())
        except TableNotFound:
            return empty
        except LanceError as fault:
            raise self._versions.classify(fault) from fault

    @contextmanager
    def writing(self) -> Generator[TableWriter]:
        """The table's latest version, to write to, while no other thread of this process does.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        with self.exclusive():
            try:
                writer = TableWriter(self._versions.checkout(), self._versions, self._spec)
                if not self._versions.prepared:
                    self._prepare(writer)
                yield writer
            except LanceError as fault:
                self._versions.invalidate()
                raise self._versions.classify(fault) from fault
            except OSError as error:
                raise LakeUnavailable(
                    f"The lake table {self.uri} cannot be written: {error}. "
                    "Check the disk's space and health; the work is tried again."
                ) from error
            except LakeUnavailable:
                self._versions.invalidate()
                raise
            self._versions.finish(writer.snapshot)

    def has_unpublished_versions(self) -> bool:
        """Whether a version that does not, or not yet, count stands in readers' way.

        Raises:
            LakeUnavailable
        """
        return self._versions.has_unpublished_versions()

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """Keep everybody from writing, also a process that was stopped half way and goes on.

        Lance merges the commits of two writers, and then a record that both insert is there twice.

        Raises:
            LakeUnavailable: somebody writes, and for long.
        """
        with self._lock, ExitStack() as held:
            try:
                held.enter_context(self._versions.exclusive())
            except OSError as error:
                raise LakeUnavailable(
                    f"The lake table {self.uri} cannot be locked for writing: {error}. "
                    "See that no other Everlake writes there; the work is tried again."
                ) from error
            yield

    def remove_old_versions(self) -> int:
        """Delete versions nobody reads any more, where there are many; how many.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        try:
            return self._versions.remove_old_versions()
        except LanceError as fault:
            raise self._versions.classify(fault) from fault
        except OSError as error:
            raise LakeUnavailable(
                f"Old versions of the lake table {self.uri} cannot be deleted: {error}. "
                "Check the disk's health and permissions."
            ) from error

    def _prepare(self, writer: TableWriter) -> None:
        """Finish what a writer that died before may have left: its syncs, and the indices.

        A table that was made before a column came gets it.
        """
        writer.publish(writer.snapshot)
        if lacking := writer.snapshot.missing_fields():
            writer.add_columns(lacking)
        for column, kind in self._spec.indexes.items():
            if column not in writer.snapshot.indexed_columns():
                writer.create_index(column, kind)
        self._versions.prepared = True
