"""Tables in a directory, on the disks of one machine or on ones that all machines share."""

import logging
import os
import time
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import msgspec

from everlake.tables.analysis_versions import creation_schema
from everlake.tables.backend import CLEANUP_THRESHOLD, VERSION_RETENTION, TableBackend, VersionStore
from everlake.tables.durability import PublishedVersion, SyncedTree
from everlake.tables.errors import (
    LakeDamaged,
    LakeError,
    LakeUnavailable,
    LanceError,
    TableNotFound,
)
from everlake.tables.local_table_set import (
    STAGING_FOLDER,
    LocalTableSet,
    file_identity,
    lock_descriptor,
)
from everlake.tables.snapshot import Caches, Snapshot, new_caches
from everlake.tables.spec import LAKE_FOLDER, TableSpec, workspace_folder
from everlake.tables.types import TableLocation

_log = logging.getLogger(__name__)

_QUARANTINE_FOLDER = "_torn"
_LOCK_TIMEOUT_SECONDS = 5.0
_MANIFEST_NAME_BASE = 2**64 - 1
"""Lance names a version's file by this number less the version, so the newest sorts first."""


class LocalTableBackend(TableBackend):
    """``<root>/lake/workspace=<id>/<table>.lance``, to be read by anything that reads Lance."""

    def __init__(self, root: Path, folder: str = LAKE_FOLDER) -> None:
        self._root = root
        self._folder = folder

    def version_store(
        self, workspace_id: str, spec: TableSpec, caches: Caches
    ) -> "LocalVersionStore":
        return LocalVersionStore(
            workspace_id, spec, self.table_set(workspace_id), self._root, caches
        )

    def table_set(self, workspace_id: str) -> LocalTableSet:
        return LocalTableSet(self._root / self._folder / workspace_folder(workspace_id))

    def staged(self) -> "LocalTableBackend":
        return LocalTableBackend(self._root, f"{self._folder}/{STAGING_FOLDER}")


class LocalVersionStore(VersionStore):
    """The versions of a table on disks. Every one counts that is settled there, and the newest is
    the one to read; a lock on the table's directory keeps other writers away.
    """

    def __init__(
        self,
        workspace_id: str,
        spec: TableSpec,
        table_set: LocalTableSet,
        root: Path,
        caches: Caches,
    ) -> None:
        self._workspace_id = workspace_id
        self._spec = spec
        self._table_set = table_set
        self._path = table_set.directory / f"{spec.name}.lance"
        self._location = TableLocation(str(self._path))
        self._tree = SyncedTree(self._path, root)
        self._published = PublishedVersion(self._path)
        self._caches = caches
        self._cached: _CachedSnapshot | None = None

    @property
    def uri(self) -> str:
        return str(self._path)

    def exists(self) -> bool:
        return self._path.exists()

    def latest(self) -> Snapshot:
        while True:
            before = file_identity(self._path)
            found = self._with_manifest(self._newest())
            if file_identity(self._path) == before:
                self._cached = found
                return found.snapshot
            self.invalidate()

    def invalidate(self) -> None:
        self._cached = None
        self.prepared = False
        self._caches = new_caches()

    @contextmanager
    def exclusive(self) -> Generator[None]:
        descriptor = self._lock_directory()
        try:
            yield
        finally:
            os.close(descriptor)

    def checkout(self) -> Snapshot:
        self._quarantine_unpublished()
        try:
            return self.latest()
        except TableNotFound:
            return self._create()
        except LanceError as fault:
            _log.info("opening %s again after: %s", self._path, fault)
        self.invalidate()
        try:
            return self.latest()
        except TableNotFound:
            return self._create()

    def sync(self, folders: Collection[str]) -> None:
        self._tree.sync(folders)

    def publish(self, snapshot: Snapshot, base: Snapshot) -> None:  # noqa: ARG002 - locked
        self._tree.sync()
        self._published.write(snapshot.version)

    def finish(self, snapshot: Snapshot) -> None:
        self._cached = self._with_manifest(snapshot)

    def has_unpublished_versions(self) -> bool:
        try:
            return bool(self._unpublished_manifests())
        except OSError as error:
            raise LakeUnavailable(
                f"The lake table {self._path} cannot be read: {error}. Check the disk's health and "
                f"permissions; if it lasts: everlake lake rebuild --workspace {self._workspace_id}"
            ) from error

    def remove_old_versions(self) -> int:
        if self._count_old_versions() < CLEANUP_THRESHOLD:
            return 0
        # Needs no lock: what a writer has written and not committed is left alone for a week.
        return self.latest().reopen().remove_old_versions(VERSION_RETENTION)

    def remove_other_versions(self, snapshot: Snapshot) -> None:
        snapshot.remove_old_versions(timedelta(0), unverified=True)

    def classify(self, error: LanceError) -> LakeError:
        cause = str(error).split(", /", 1)[0]
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
            if self._unpublished_manifests():
                return LakeUnavailable(
                    f"The lake table {self._path} was not written to its end when the machine "
                    "stopped. A worker mends it when it starts; the work is tried again."
                )
        return LakeDamaged(self._workspace_id, self._spec.name, cause)

    def _lock_directory(self) -> int:
        """The open directory, locked, once it is sure to be the one at the path."""
        while True:
            self._table_set.ensure_directory()
            with suppress(FileNotFoundError):  # swapped away meanwhile
                self._path.mkdir(exist_ok=True)
                descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    lock_descriptor(descriptor, _LOCK_TIMEOUT_SECONDS)
                except BaseException:
                    os.close(descriptor)
                    raise
                facts = os.fstat(descriptor)
                if file_identity(self._path) == (facts.st_dev, facts.st_ino):
                    return descriptor
                os.close(descriptor)

    def _newest(self) -> Snapshot:
        held = self._cached
        if held is not None:
            newest = held.snapshot.latest_version()
            if newest > held.snapshot.version:
                return held.snapshot.at_version(newest)
            if newest == held.snapshot.version and self._manifest_identity(newest) == held.manifest:
                return held.snapshot
            self.invalidate()
        try:
            self._table_set.recover()
        except OSError as error:
            raise LakeUnavailable(
                f"The lake tables in {self._table_set.directory} are being replaced: {error}. "
                "Try again; if it lasts: everlake lake rebuild"
            ) from error
        return self._open()

    def _open(self) -> Snapshot:
        if not any((self._path / "_versions").glob("*.manifest")):
            if any((self._path / "data").glob("*")):
                raise LanceError("there are data files but no version of the table")
            raise TableNotFound(str(self._path))
        return Snapshot.open(self._location, self._spec.schema, self._caches)

    def _create(self) -> Snapshot:
        self.invalidate()
        return Snapshot.create(self._location, creation_schema(self._spec), self._caches)

    def _with_manifest(self, snapshot: Snapshot) -> "_CachedSnapshot":
        return _CachedSnapshot(snapshot, self._manifest_identity(snapshot.version))

    def _manifest_identity(self, version: int) -> tuple[int, int] | None:
        """What tells the file of a version from that of another table's same version."""
        with suppress(FileNotFoundError):
            facts = (self._path / "_versions" / _manifest_name(version)).stat()
            return facts.st_ino, facts.st_mtime_ns
        return None

    def _unpublished_manifests(self) -> list[Path]:
        """The versions' files of a writer that died, or lost its power, before all was synced.

        Such a version may be torn, or what it names may be, in ways that do not show at once.
        Nothing was promised on it, and the work it came from is done again.
        """
        settled = self._published.read()
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

    def _quarantine_unpublished(self) -> None:
        found = self._unpublished_manifests()
        for file in found:
            _log.warning("%s: set aside what was not written to its end: %s", self._path, file.name)
            aside = self._path / _QUARANTINE_FOLDER
            aside.mkdir(exist_ok=True)
            file.rename(aside / file.name)
        if found:
            self.invalidate()

    def _count_old_versions(self) -> int:
        limit = time.time() - VERSION_RETENTION.total_seconds()
        names = (self._path / "_versions").glob("*.manifest")
        return sum(1 for name in names if name.stat().st_mtime < limit)


class _CachedSnapshot(msgspec.Struct, frozen=True, gc=False):
    """A snapshot, and which file its version was read from."""

    snapshot: Snapshot
    manifest: tuple[int, int] | None


def _manifest_name(version: int) -> str:
    return f"{_MANIFEST_NAME_BASE - version:020d}.manifest"
