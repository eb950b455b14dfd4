"""One table of one workspace: finding its latest version, and writing it durably."""

import logging
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
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
from everlake.lake.durability import Settled, SyncedTree
from everlake.lake.errors import LakeDamaged, LakeError, LakeUnavailable
from everlake.lake.place import Place, inode, lock

_log = logging.getLogger(__name__)

T = TypeVar("T")

_ASIDE = "_torn"
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

    def __init__(self, snapshot: Snapshot, tree: SyncedTree, settled: Settled) -> None:
        self.snapshot = snapshot
        self._tree = tree
        self._settled = settled

    def settle(self, snapshot: Snapshot) -> None:
        """Sync all that is new, and let ``snapshot`` be the version that counts."""
        self._tree.sync()
        self._settled.write(snapshot.version)
        self.snapshot = snapshot

    def commit(self, pending: Pending) -> None:
        """Sync the prepared files, make them count, sync that."""
        self._tree.sync(("data", "_deletions"))
        self.settle(self.snapshot.commit(pending))

    def compact(self, keep: list[int], rows: int, batch_rows: int) -> int:
        """As :meth:`Snapshot.prepare_compaction`; how many fragments were folded."""
        snapshot = self._own()
        rewrites = snapshot.prepare_compaction(keep, rows, batch_rows)
        if not rewrites:
            return 0
        self._tree.sync(("data", "_deletions"))
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

    def go_back(self, version: int) -> None:
        """Make an earlier version the newest again."""
        if version != self.snapshot.version:
            snapshot = self.snapshot.at(version).reopened()
            snapshot.restore()
            self.settle(snapshot)

    def forget_versions(self) -> None:
        """Delete every other version and what no version uses; nobody else may use the table."""
        self._own().remove_old_versions(timedelta(0), unverified=True)

    def _own(self) -> Snapshot:
        """A snapshot that no reader shares, for the calls that change theirs."""
        return self.snapshot.reopened()


class Table:
    """A table that may not exist yet; reading it then gives nothing, writing creates it.

    Threads may share it: reads run side by side, writes one at a time. Which process writes is
    settled elsewhere, by a lease; a lock on its directory keeps out one that lost the lease and
    does not know. Any number may read. Another table may take its place (:mod:`place`): that is
    noticed at the next read or write.
    """

    def __init__(
        self, workspace: str, spec: TableSpec, place: Place, root: Path, caches: Caches
    ) -> None:
        self._workspace = workspace
        self._spec = spec
        self._place = place
        self._path = place.directory / f"{spec.name}.lance"
        self._tree = SyncedTree(self._path, root)
        self._settled = Settled(self._path)
        self._lock = threading.RLock()
        self._caches = caches
        self._held: _Held | None = None
        self._prepared = False

    @property
    def path(self) -> Path:
        """Where the table lies."""
        return self._path

    @property
    def spec(self) -> TableSpec:
        """Its name and form."""
        return self._spec

    def latest(self) -> Snapshot | None:
        """The latest version, None when there is no table.

        Raises:
            LakeUnavailable, LakeDamaged
        """
        return self.read(lambda now: now, None)

    def failure(self, snapshot: Snapshot, fault: LanceFault) -> LakeError:
        """Why ``snapshot``, which was opened a while ago, could not be read to its end."""
        try:
            changed = self._latest() is not snapshot
        except (LanceFault, LakeError):
            changed = False
        if changed and "ot found" in str(fault):
            return LakeUnavailable(
                f"The lake table {self._path} was written anew and tidied up while it was read. "
                "Run the command again."
            )
        return self._explained(fault)

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
        with self.still():
            try:
                writer = Writer(self._writable(), self._tree, self._settled)
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
            self._held = self._with_manifest(writer.snapshot)

    def is_unfinished(self) -> bool:
        """Whether there is a version that is not, or not yet, wholly on disk.

        Raises:
            LakeUnavailable
        """
        try:
            return bool(self._unsettled())
        except OSError as error:
            raise LakeUnavailable(
                f"The lake table {self._path} cannot be read: {error}. Check the disk's health and "
                f"permissions; if it lasts: everlake lake rebuild --workspace {self._workspace}"
            ) from error

    @contextmanager
    def still(self) -> Generator[None]:
        """Keep everybody from writing, also a process that was stopped half way and goes on.

        Lance merges the commits of two writers, and then a record that both insert is there twice.

        Raises:
            LakeUnavailable: somebody writes, and for long.
        """
        with self._lock:
            try:
                descriptor = self._locked()
            except OSError as error:
                raise LakeUnavailable(
                    f"The lake table {self._path} cannot be locked for writing: {error}. "
                    "See that no other Everlake writes there; the work is tried again."
                ) from error
            try:
                yield
            finally:
                os.close(descriptor)

    def _locked(self) -> int:
        """The open directory, locked, once it is sure to be the one at the path."""
        while True:
            self._place.make()
            with suppress(FileNotFoundError):  # swapped away meanwhile
                self._path.mkdir(exist_ok=True)
                descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    lock(descriptor, _LOCK_SECONDS)
                except BaseException:
                    os.close(descriptor)
                    raise
                facts = os.fstat(descriptor)
                if inode(self._path) == (facts.st_dev, facts.st_ino):
                    return descriptor
                os.close(descriptor)

    def _latest(self) -> Snapshot:
        while True:
            before = inode(self._path)
            found = self._with_manifest(self._newest())
            if inode(self._path) == before:
                self._held = found
                return found.snapshot
            self._forget()

    def _newest(self) -> Snapshot:
        held = self._held
        if held is not None:
            newest = held.snapshot.latest_version()
            if newest > held.snapshot.version:
                return held.snapshot.at(newest)
            if newest == held.snapshot.version and self._manifest(newest) == held.manifest:
                return held.snapshot
            self._forget()
        try:
            self._place.settle()
        except OSError as error:
            raise LakeUnavailable(
                f"The lake tables in {self._place.directory} are being replaced: {error}. "
                "Try again; if it lasts: everlake lake rebuild"
            ) from error
        return Snapshot.open(self._path, self._caches)

    def _with_manifest(self, snapshot: Snapshot) -> "_Held":
        return _Held(snapshot, self._manifest(snapshot.version))

    def _manifest(self, version: int) -> tuple[int, int] | None:
        """What tells the file of a version from that of another table's same version."""
        with suppress(FileNotFoundError):
            name = f"{_NEWEST_NAME - version:020d}.manifest"
            facts = (self._path / "_versions" / name).stat()
            return facts.st_ino, facts.st_mtime_ns
        return None

    def _forget(self) -> None:
        self._held = None
        self._prepared = False
        self._caches = new_caches()

    def _writable(self) -> Snapshot:
        self._set_aside()
        try:
            return self._latest()
        except NoTable:
            return self._created()
        except LanceFault as fault:
            _log.info("opening %s again after: %s", self._path, fault)
        self._forget()
        try:
            return self._latest()
        except NoTable:
            return self._created()

    def _created(self) -> Snapshot:
        self._forget()
        return Snapshot.create(self._path, self._spec.schema, self._caches)

    def _prepare(self, writer: Writer) -> None:
        """Finish what a writer that died before may have left: its syncs, and the indices."""
        writer.settle(writer.snapshot)
        for column, kind in self._spec.indices.items():
            if column not in writer.snapshot.indexed_columns():
                writer.create_index(column, kind)
        self._prepared = True

    def _unsettled(self) -> list[Path]:
        """The versions' files of a writer that died, or lost its power, before all was synced.

        Such a version may be torn, or what it names may be, in ways that do not show at once.
        Nothing was promised on it, and the work it came from is done again.
        """
        settled = self._settled.read()
        if settled is None:
            if any((self._path / "data").glob("*")):
                return []  # made by a program that settled nothing
            settled = 0  # its writer died while it made the table
        newest = f"{_NEWEST_NAME - settled:020d}.manifest"
        with suppress(FileNotFoundError):
            return [
                Path(entry.path)
                for entry in os.scandir(self._path / "_versions")
                if entry.name.endswith(".manifest") and entry.name < newest
            ]
        return []

    def _set_aside(self) -> None:
        found = self._unsettled()
        for file in found:
            _log.warning("%s: set aside what was not written to its end: %s", self._path, file.name)
            aside = self._path / _ASIDE
            aside.mkdir(exist_ok=True)
            file.rename(aside / file.name)
        if found:
            self._forget()

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
        with suppress(OSError):
            if self._unsettled():
                return LakeUnavailable(
                    f"The lake table {self._path} was not written to its end when the machine "
                    "stopped. A worker mends it when it starts; the work is tried again."
                )
        return LakeDamaged(self._workspace, self._spec.name, cause)


class _Held(msgspec.Struct, frozen=True, gc=False):
    """A snapshot, and which file its version was read from."""

    snapshot: Snapshot
    manifest: tuple[int, int] | None
