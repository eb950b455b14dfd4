"""Tables in a directory, on the disks of one machine or on ones that all machines share."""

import logging
import os
import time
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import msgspec

from everlake.lake.dataset import Caches, Snapshot, new_caches
from everlake.lake.durability import Settled, SyncedTree
from everlake.lake.errors import LakeDamaged, LakeError, LakeUnavailable
from everlake.lake.parts import LanceFault, Location, NoTable
from everlake.lake.place import STAGING, LocalPlace, inode, lock
from everlake.lake.site import CLEAN_AT, KEEP_VERSIONS, Site, Versions
from everlake.lake.spec import FOLDER, TableSpec, folder_of

_log = logging.getLogger(__name__)

_ASIDE = "_torn"
_LOCK_SECONDS = 5.0
_NEWEST_NAME = 2**64 - 1
"""Lance names a version's file by this number less the version, so the newest sorts first."""


class LocalSite(Site):
    """``<root>/lake/workspace=<id>/<table>.lance``, to be read by anything that reads Lance."""

    def __init__(self, root: Path, folder: str = FOLDER) -> None:
        self._root = root
        self._folder = folder

    def versions(self, workspace_id: str, spec: TableSpec, caches: Caches) -> "LocalVersions":
        return LocalVersions(workspace_id, spec, self.place(workspace_id), self._root, caches)

    def place(self, workspace_id: str) -> LocalPlace:
        return LocalPlace(self._root / self._folder / folder_of(workspace_id))

    def staged(self) -> "LocalSite":
        return LocalSite(self._root, f"{self._folder}/{STAGING}")


class LocalVersions(Versions):
    """The versions of a table on disks. Every one counts that is settled there, and the newest is
    the one to read; a lock on the table's directory keeps other writers away.
    """

    def __init__(
        self, workspace_id: str, spec: TableSpec, place: LocalPlace, root: Path, caches: Caches
    ) -> None:
        self._workspace_id = workspace_id
        self._spec = spec
        self._place = place
        self._path = place.directory / f"{spec.name}.lance"
        self._location = Location(str(self._path))
        self._tree = SyncedTree(self._path, root)
        self._settled = Settled(self._path)
        self._caches = caches
        self._held: _Held | None = None

    @property
    def where(self) -> str:
        return str(self._path)

    def exists(self) -> bool:
        return self._path.exists()

    def latest(self) -> Snapshot:
        while True:
            before = inode(self._path)
            found = self._with_manifest(self._newest())
            if inode(self._path) == before:
                self._held = found
                return found.snapshot
            self.forget()

    def forget(self) -> None:
        self._held = None
        self.prepared = False
        self._caches = new_caches()

    @contextmanager
    def alone(self) -> Generator[None]:
        descriptor = self._locked()
        try:
            yield
        finally:
            os.close(descriptor)

    def begin(self) -> Snapshot:
        self._set_aside()
        try:
            return self.latest()
        except NoTable:
            return self._created()
        except LanceFault as fault:
            _log.info("opening %s again after: %s", self._path, fault)
        self.forget()
        try:
            return self.latest()
        except NoTable:
            return self._created()

    def secure(self, folders: Collection[str]) -> None:
        self._tree.sync(folders)

    def settle(self, snapshot: Snapshot, upon: Snapshot) -> None:  # noqa: ARG002 - locked
        self._tree.sync()
        self._settled.write(snapshot.version)

    def end(self, snapshot: Snapshot) -> None:
        self._held = self._with_manifest(snapshot)

    def is_unfinished(self) -> bool:
        try:
            return bool(self._unsettled())
        except OSError as error:
            raise LakeUnavailable(
                f"The lake table {self._path} cannot be read: {error}. Check the disk's health and "
                f"permissions; if it lasts: everlake lake rebuild --workspace {self._workspace_id}"
            ) from error

    def clean(self) -> int:
        if self._old_versions() < CLEAN_AT:
            return 0
        # Needs no lock: what a writer has written and not committed is left alone for a week.
        return self.latest().reopened().remove_old_versions(KEEP_VERSIONS)

    def forget_others(self, snapshot: Snapshot) -> None:
        snapshot.remove_old_versions(timedelta(0), unverified=True)

    def explained(self, fault: LanceFault) -> LakeError:
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
        return LakeDamaged(self._workspace_id, self._spec.name, cause)

    def _locked(self) -> int:
        """The open directory, locked, once it is sure to be the one at the path."""
        while True:
            self._place.make_directory()
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

    def _newest(self) -> Snapshot:
        held = self._held
        if held is not None:
            newest = held.snapshot.latest_version()
            if newest > held.snapshot.version:
                return held.snapshot.at(newest)
            if newest == held.snapshot.version and self._manifest(newest) == held.manifest:
                return held.snapshot
            self.forget()
        try:
            self._place.settle()
        except OSError as error:
            raise LakeUnavailable(
                f"The lake tables in {self._place.directory} are being replaced: {error}. "
                "Try again; if it lasts: everlake lake rebuild"
            ) from error
        return self._opened()

    def _opened(self) -> Snapshot:
        if not any((self._path / "_versions").glob("*.manifest")):
            if any((self._path / "data").glob("*")):
                raise LanceFault("there are data files but no version of the table")
            raise NoTable(str(self._path))
        return Snapshot.open(self._location, self._spec.schema, self._caches)

    def _created(self) -> Snapshot:
        self.forget()
        return Snapshot.create(self._location, self._spec.schema, self._caches)

    def _with_manifest(self, snapshot: Snapshot) -> "_Held":
        return _Held(snapshot, self._manifest(snapshot.version))

    def _manifest(self, version: int) -> tuple[int, int] | None:
        """What tells the file of a version from that of another table's same version."""
        with suppress(FileNotFoundError):
            facts = (self._path / "_versions" / _manifest_name(version)).stat()
            return facts.st_ino, facts.st_mtime_ns
        return None

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
        newest = _manifest_name(settled)
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
            self.forget()

    def _old_versions(self) -> int:
        limit = time.time() - KEEP_VERSIONS.total_seconds()
        names = (self._path / "_versions").glob("*.manifest")
        return sum(1 for name in names if name.stat().st_mtime < limit)


class _Held(msgspec.Struct, frozen=True, gc=False):
    """A snapshot, and which file its version was read from."""

    snapshot: Snapshot
    manifest: tuple[int, int] | None


def _manifest_name(version: int) -> str:
    return f"{_NEWEST_NAME - version:020d}.manifest"
