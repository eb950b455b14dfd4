"""One table of one workspace: finding its latest version, and writing it durably."""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from everlake.lake import arrow
from everlake.lake.dataset import (
    Caches,
    IndexKind,
    LanceFault,
    NoTable,
    Pending,
    Snapshot,
    new_caches,
)
from everlake.lake.durability import SyncedTree
from everlake.lake.errors import LakeDamaged, LakeError, LakeUnavailable

_log = logging.getLogger(__name__)

T = TypeVar("T")

_TORN = "_torn"
_LOCK_SECONDS = 5.0
_NEWEST_NAME = 2**64 - 1
"""Lance names a version's file by this number less the version, so the newest sorts first."""


class TableSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A table's name, schema, and the kind of index of each indexed column.

    ``weight`` names the column that says how many bytes a row weighs, where rows may be large.
    """

    name: str
    schema: arrow.Schema
    indices: dict[str, IndexKind]
    weight: str | None = None


class Writer:
    """The right to write one table; made by :meth:`Table.writing`.

    ``snapshot`` is the latest version, and moves with each commit.
    """

    def __init__(self, snapshot: Snapshot, tree: SyncedTree) -> None:
        self.snapshot = snapshot
        self._tree = tree

    def commit(self, pending: Pending) -> None:
        """Sync the prepared files, make them count, sync that."""
        self._tree.sync(("data", "_deletions"))
        self.snapshot = self.snapshot.commit(pending)
        self._tree.sync()

    def compact(self, keep: list[int], rows: int, batch_rows: int) -> int:
        """As :meth:`Snapshot.prepare_compaction`; how many fragments were folded."""
        snapshot = self._own()
        rewrites = snapshot.prepare_compaction(keep, rows, batch_rows)
        if not rewrites:
            return 0
        self._tree.sync(("data", "_deletions"))
        folded = snapshot.commit_compaction(rewrites)
        self._tree.sync()
        self.snapshot = snapshot
        return folded

    def extend_index(self, column: str, parts: int) -> None:
        """As :meth:`Snapshot.extend_index`."""
        snapshot = self._own()
        snapshot.extend_index(column, parts)
        self._tree.sync()
        self.snapshot = snapshot

    def create_index(self, column: str, kind: IndexKind) -> None:
        """As :meth:`Snapshot.create_index`."""
        snapshot = self._own()
        snapshot.create_index(column, kind)
        self._tree.sync()
        self.snapshot = snapshot

    def _own(self) -> Snapshot:
        """A snapshot that no reader shares, for the calls that change theirs."""
        return self.snapshot.reopened()


class Table:
    """A table that may not exist yet; reading it then gives nothing, writing creates it.

    Threads may share it: reads run side by side, writes one at a time. Which process writes is
    settled elsewhere, by a lease; a lock on its directory keeps out one that lost the lease and
    does not know. Any number may read.
    """

    def __init__(
        self, workspace: str, spec: TableSpec, directory: Path, root: Path, caches: Caches
    ) -> None:
        self._workspace = workspace
        self._spec = spec
        self._directory = directory
        self._path = directory / f"{spec.name}.lance"
        self._tree = SyncedTree(self._path, root)
        self._lock = threading.RLock()
        self._caches = caches
        self._snapshot: Snapshot | None = None
        self._prepared = False

    @property
    def path(self) -> Path:
        """Where the table lies."""
        return self._path

    def read(self, job: Callable[[Snapshot], T], empty: T) -> T:
        """What ``job`` makes of the latest version; ``empty`` when there is no table.

        A version that vanishes while it is read (cleaned up, or the table moved away) is read
        once more from a fresh opening.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        try:
            return job(self._latest())
        except NoTable:
            return empty
        except LanceFault as fault:
            _log.info("reading %s again after: %s", self._path, fault)
        self._forget()
        try:
            return job(self._latest())
        except NoTable:
            return empty
        except LanceFault as fault:
            raise self._explained(fault) from fault

    @contextmanager
    def writing(self) -> Generator[Writer]:
        """The table's latest version, to write to, while no other thread of this process does.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        with self._lock, self._alone():
            try:
                writer = Writer(self._writable(), self._tree)
                if not self._prepared:
                    self._prepare(writer)
                yield writer
            except LanceFault as fault:
                self._forget()
                raise self._explained(fault) from fault
            except OSError as error:
                raise LakeUnavailable(
                    f"The lake table {self._path} cannot be written: {error}. "
                    "Check the disk's space and health; the work is tried again."
                ) from error
            self._snapshot = writer.snapshot

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Keep other processes from writing, also one that was stopped half way and goes on.

        Lance merges the commits of two writers, and then a record that both insert is there twice.
        """
        with ExitStack() as stack:
            try:
                self._path.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                stack.callback(os.close, descriptor)
                _lock(descriptor)
            except OSError as error:
                raise LakeUnavailable(
                    f"The lake table {self._path} cannot be locked for writing: {error}. "
                    "See that no other Everlake writes there; the work is tried again."
                ) from error
            yield

    def _latest(self) -> Snapshot:
        cached = self._snapshot
        if cached is None:
            cached = Snapshot.open(self._path, self._caches)
        else:
            newest = cached.latest_version()
            if newest == cached.version:
                return cached
            cached = cached.at(newest)
        self._snapshot = cached
        return cached

    def _forget(self) -> None:
        self._snapshot = None
        self._caches = new_caches()

    def _writable(self) -> Snapshot:
        try:
            return self._latest()
        except NoTable:
            return self._created()
        except LanceFault:
            self._forget()
        try:
            return self._latest()
        except NoTable:
            return self._created()
        except LanceFault as fault:
            if not self._step_back():
                raise
            _log.warning("%s: set aside a torn version: %s", self._path, fault)
        try:
            return self._latest()
        except NoTable:
            return self._created()

    def _created(self) -> Snapshot:
        self._forget()
        self._prepared = False
        return Snapshot.create(self._path, self._spec.schema, self._caches)

    def _prepare(self, writer: Writer) -> None:
        """Finish what a writer that died before may have left: its syncs, and the indices."""
        self._tree.sync()
        for column, kind in self._spec.indices.items():
            if column not in writer.snapshot.indexed_columns():
                writer.create_index(column, kind)
        self._prepared = True

    def _step_back(self) -> bool:
        """Set the newest version aside if it alone is unreadable.

        A power cut between a commit and its sync leaves a version whose file is empty or cut.
        Nothing was promised on it, and the work it came from is done again.
        """
        names = sorted(self._path.glob("_versions/*.manifest"))
        if not names or not names[0].stem.isdigit():
            return False
        torn = names[0]
        if len(names) > 1:
            try:
                Snapshot.open(self._path, self._caches, _NEWEST_NAME - int(names[1].stem))
            except LanceFault:
                return False
        elif any((self._path / "data").glob("*")):
            return False
        aside = self._path / _TORN
        aside.mkdir(exist_ok=True)
        torn.rename(aside / torn.name)
        self._forget()
        return True

    def _explained(self, fault: LanceFault) -> LakeError:
        cause = str(fault).split(", /", 1)[0]
        passing = (
            ("os error" in cause and "(os error 2)" not in cause)
            or "onflict" in cause
            or "Resources exhausted" in cause
        )
        if passing:
            return LakeUnavailable(
                f"The lake table {self._path} cannot be used now: {cause}. "
                "Check the disk's space, health and permissions, and the memory; "
                "the work is tried again."
            )
        return LakeDamaged(self._workspace, self._spec.name, self._directory, cause)


def _lock(descriptor: int) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
