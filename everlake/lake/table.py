"""One table of one workspace: reading its latest version, and writing the next."""

import logging
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from everlake.lake.arrow import Field
from everlake.lake.dataset import Snapshot
from everlake.lake.errors import LakeError, LakeUnavailable
from everlake.lake.parts import LanceFault, NoTable, Pending
from everlake.lake.site import Versions
from everlake.lake.spec import IndexKind, TableSpec

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Writer:
    """The right to write one table; made by :meth:`Table.writing`.

    ``snapshot`` is the latest version, and moves with each commit.
    """

    def __init__(self, snapshot: Snapshot, versions: Versions) -> None:
        self.snapshot = snapshot
        self._versions = versions

    def settle(self, snapshot: Snapshot) -> None:
        """Let ``snapshot`` be the version that counts, once all that is new in it is safe."""
        self._versions.settle(snapshot, self.snapshot)
        self.snapshot = snapshot

    def commit(self, pending: Pending) -> None:
        """Make prepared files safe, make them count, make that safe."""
        self._versions.secure(("data", "_deletions"))
        self.settle(self.snapshot.commit(pending))

    def compact(self, keep: list[int], rows: int, batch_rows: int) -> int:
        """As :meth:`Snapshot.prepare_compaction`; how many fragments were folded."""
        snapshot = self._own()
        rewrites = snapshot.prepare_compaction(keep, rows, batch_rows)
        if not rewrites:
            return 0
        self._versions.secure(("data", "_deletions"))
        folded = snapshot.commit_compaction(rewrites)
        self.settle(snapshot)
        return folded

    def extend_index(self, column: str, parts: int) -> None:
        """As :meth:`Snapshot.extend_index`."""
        snapshot = self._own()
        snapshot.extend_index(column, parts)
        self.settle(snapshot)

    def create_index(self, column: str, kind: IndexKind) -> None:
        """As :meth:`Snapshot.create_index`."""
        snapshot = self._own()
        snapshot.create_index(column, kind)
        self.settle(snapshot)

    def add_columns(self, fields: Sequence[Field]) -> None:
        """As :meth:`Snapshot.add_columns`."""
        snapshot = self._own()
        snapshot.add_columns(fields)
        self.settle(snapshot)

    def go_back(self, version: int) -> None:
        """Make an earlier version the newest again."""
        if version != self.snapshot.version:
            snapshot = self.snapshot.at(version).reopened()
            snapshot.restore()
            self.settle(snapshot)
            self._versions.prepared = False  # it may be from before a column came

    def forget_versions(self) -> None:
        """Delete every other version and what no version uses; nobody else may use the table."""
        self._versions.forget_others(self._own())

    def _own(self) -> Snapshot:
        """A snapshot that no reader shares, for the calls that change theirs."""
        return self.snapshot.reopened()


class Table:
    """A table that may not exist yet; reading it then gives nothing, writing creates it.

    Threads may share it: reads run side by side, writes one at a time. Which process writes is
    settled elsewhere, by a lease; the place of its versions keeps out one that lost the lease and
    does not know. Any number may read. Another table may take its place (:class:`Place`): that is
    noticed at the next read or write.
    """

    def __init__(self, spec: TableSpec, versions: Versions) -> None:
        self._spec = spec
        self._versions = versions
        self._lock = threading.RLock()

    @property
    def where(self) -> str:
        """The table's place: a path or a URL, as other tools take it."""
        return self._versions.where

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

    def failure(self, snapshot: Snapshot, fault: LanceFault) -> LakeError:
        """Why ``snapshot``, which was opened a while ago, could not be read to its end."""
        try:
            changed = self._versions.latest() is not snapshot
        except (LanceFault, LakeError):
            changed = False
        if changed and "ot found" in str(fault):
            return LakeUnavailable(
                f"The lake table {self.where} was written anew and tidied up while it was read. "
                "Run the command again."
            )
        return self._versions.explained(fault)

    def read(self, job: Callable[[Snapshot], T], empty: T) -> T:
        """What ``job`` makes of the latest version; ``empty`` when there is no table.

        A version that vanishes while it is read (cleaned up, or the table moved away) is read
        once more from a fresh opening.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        try:
            return job(self._versions.latest())
        except NoTable:
            return empty
        except LanceFault as fault:
            _log.info("reading %s again after: %s", self.where, fault)
        self._versions.forget()
        try:
            return job(self._versions.latest())
        except NoTable:
            return empty
        except LanceFault as fault:
            raise self._versions.explained(fault) from fault

    @contextmanager
    def writing(self) -> Generator[Writer]:
        """The table's latest version, to write to, while no other thread of this process does.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        with self.still():
            try:
                writer = Writer(self._versions.begin(), self._versions)
                if not self._versions.prepared:
                    self._prepare(writer)
                yield writer
            except LanceFault as fault:
                self._versions.forget()
                raise self._versions.explained(fault) from fault
            except OSError as error:
                raise LakeUnavailable(
                    f"The lake table {self.where} cannot be written: {error}. "
                    "Check the disk's space and health; the work is tried again."
                ) from error
            except LakeUnavailable:
                self._versions.forget()
                raise
            self._versions.end(writer.snapshot)

    def is_unfinished(self) -> bool:
        """Whether a version that does not, or not yet, count stands in readers' way.

        Raises:
            LakeUnavailable
        """
        return self._versions.is_unfinished()

    @contextmanager
    def still(self) -> Generator[None]:
        """Keep everybody from writing, also a process that was stopped half way and goes on.

        Lance merges the commits of two writers, and then a record that both insert is there twice.

        Raises:
            LakeUnavailable: somebody writes, and for long.
        """
        with self._lock, ExitStack() as held:
            try:
                held.enter_context(self._versions.alone())
            except OSError as error:
                raise LakeUnavailable(
                    f"The lake table {self.where} cannot be locked for writing: {error}. "
                    "See that no other Everlake writes there; the work is tried again."
                ) from error
            yield

    def clean(self) -> int:
        """Delete versions nobody reads any more, where there are many; how many.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        try:
            return self._versions.clean()
        except LanceFault as fault:
            raise self._versions.explained(fault) from fault
        except OSError as error:
            raise LakeUnavailable(
                f"Old versions of the lake table {self.where} cannot be deleted: {error}. "
                "Check the disk's health and permissions."
            ) from error

    def _prepare(self, writer: Writer) -> None:
        """Finish what a writer that died before may have left: its syncs, and the indices.

        A table that was made before a column came gets it.
        """
        writer.settle(writer.snapshot)
        if lacking := writer.snapshot.lacking():
            writer.add_columns(lacking)
        for column, kind in self._spec.indices.items():
            if column not in writer.snapshot.indexed_columns():
                writer.create_index(column, kind)
        self._versions.prepared = True
