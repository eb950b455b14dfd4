"""Version store in a directory: the newest version is current, and writers lock the table."""

import logging
import os
import time
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import msgspec

from everlake.files import file_identity, is_at_path, lock
from everlake.tables.analysis_versions import creation_schema
from everlake.tables.backend import VersionStore
from everlake.tables.durability import PublishedVersion, SyncedTree
from everlake.tables.errors import (
    ErrorKind,
    LakeDamaged,
    LakeError,
    LakeUnavailable,
    LanceError,
    TableNotFound,
)
from everlake.tables.local_table_set import LOCK_TIMEOUT_SECONDS, LocalTableSet
from everlake.tables.retention import CLEANUP_THRESHOLD, VERSION_RETENTION
from everlake.tables.snapshot import Caches, Snapshot, new_caches
from everlake.tables.spec import TableSpec
from everlake.tables.types import TableLocation
from everlake.tables.working_snapshot import WorkingSnapshot

_log = logging.getLogger(__name__)

_QUARANTINE_FOLDER = "_torn"
_MANIFEST_NAME_BASE = 2**64 - 1
"""Lance names a version's file by this number less the version, so the newest sorts first."""


class LocalVersionStore(VersionStore):
    """Version store of a table in a directory.

    A version is published once it is synced, and its number is written to a file
    (:class:`PublishedVersion`). Readers use the newest version there is.

    Args:
        workspace_id: the workspace of the table.
        spec: the table.
        table_set: the workspace's directory.
        root: a directory above it that is on disk already.
        caches: shared by all tables.
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
        """See :attr:`everlake.tables.backend.VersionStore.uri`."""
        return str(self._path)

    def exists(self) -> bool:
        """See :meth:`everlake.tables.backend.VersionStore.exists`."""
        self._finish_swap()
        return self._has_version() or self._has_data()

    def is_lost(self) -> bool:
        """Return False: a directory without files is one without a table."""
        return False

    def latest(self) -> Snapshot:
        """See :meth:`everlake.tables.backend.VersionStore.latest`."""
        while True:
            before = file_identity(self._path)
            found = self._with_manifest(self._newest())
            if file_identity(self._path) == before:
                self._cached = found
                return found.snapshot
            self.invalidate()

    def invalidate(self) -> None:
        """See :meth:`everlake.tables.backend.VersionStore.invalidate`."""
        self._cached = None
        self.prepared = False
        self._caches = new_caches()

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """See :meth:`everlake.tables.backend.VersionStore.exclusive`."""
        descriptor = self._lock_directory()
        try:
            yield
        finally:
            os.close(descriptor)

    def checkout(self) -> Snapshot:
        """See :meth:`everlake.tables.backend.VersionStore.checkout`."""
        self._quarantine_unpublished()
        try:
            return self._latest_or_new()
        except LanceError as error:
            _log.info("reopening %s after: %s", self._path, error)
        self.invalidate()
        return self._latest_or_new()

    def sync(self, folders: Collection[str]) -> None:
        """See :meth:`everlake.tables.backend.VersionStore.sync`."""
        self._tree.sync(folders)

    def publish(self, snapshot: Snapshot, base: Snapshot) -> None:  # noqa: ARG002 - locked
        """See :meth:`everlake.tables.backend.VersionStore.publish`."""
        self._tree.sync()
        self._published.write(snapshot.version)

    def finish(self, snapshot: Snapshot) -> None:
        """See :meth:`everlake.tables.backend.VersionStore.finish`."""
        self._cached = self._with_manifest(snapshot)

    def has_unpublished_versions(self) -> bool:
        """See :meth:`everlake.tables.backend.VersionStore.has_unpublished_versions`."""
        try:
            return bool(self._unpublished_manifests())
        except OSError as error:
            raise LakeUnavailable(
                f"The lake table {self._path} cannot be read: {error}. Check the disk's health and "
                f"permissions; if it lasts: everlake lake rebuild --workspace {self._workspace_id}"
            ) from error

    def remove_old_versions(self) -> int:
        """See :meth:`everlake.tables.backend.VersionStore.remove_old_versions`."""
        if self._count_old_versions() < CLEANUP_THRESHOLD:
            return 0
        # Needs no lock: Lance leaves files of uncommitted writes alone for a week.
        return WorkingSnapshot.of(self.latest()).remove_old_versions(VERSION_RETENTION)

    def remove_other_versions(self, snapshot: WorkingSnapshot) -> None:
        """See :meth:`everlake.tables.backend.VersionStore.remove_other_versions`."""
        snapshot.remove_old_versions(timedelta(0), unverified=True)

    def classify(self, error: LanceError) -> LakeError:
        """See :meth:`everlake.tables.backend.VersionStore.classify`."""
        if error.kind in {ErrorKind.CONFLICT, ErrorKind.RESOURCES}:
            return LakeUnavailable(
                f"The lake table {self._path} cannot be used now: {error.cause}. "
                "Check the disk's space, health and permissions, and the memory; "
                "the work is tried again."
            )
        with suppress(OSError):
            if self._unpublished_manifests():
                return LakeUnavailable(
                    f"The last write to the lake table {self._path} was cut off when the machine "
                    "stopped. A worker repairs the table when it starts; the work is tried again."
                )
        return LakeDamaged(self._workspace_id, self._spec.name, error.cause)

    def _lock_directory(self) -> int:
        """Lock the table's directory and return its descriptor.

        A swap may put another directory at the path meanwhile; then that one is locked instead.
        """
        while True:
            self._table_set.ensure_directory()
            with suppress(FileNotFoundError):  # swapped away meanwhile
                self._path.mkdir(exist_ok=True)
                descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    lock(descriptor, timeout=LOCK_TIMEOUT_SECONDS)
                except BaseException:
                    os.close(descriptor)
                    raise
                if is_at_path(descriptor, self._path):
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
        self._finish_swap()
        return self._open()

    def _finish_swap(self) -> None:
        try:
            self._table_set.recover()
        except OSError as error:
            raise LakeUnavailable(
                f"The lake tables in {self._table_set.directory} are being replaced: {error}. "
                "Try again; if it lasts: everlake lake rebuild"
            ) from error

    def _has_version(self) -> bool:
        return any((self._path / "_versions").glob("*.manifest"))

    def _has_data(self) -> bool:
        return any((self._path / "data").glob("*"))

    def _open(self) -> Snapshot:
        if not self._has_version():
            if self._has_data():
                raise LanceError("there are data files but no version of the table")
            raise TableNotFound(str(self._path))
        return Snapshot.open(self._location, self._spec.schema, self._caches)

    def _latest_or_new(self) -> Snapshot:
        try:
            return self.latest()
        except TableNotFound:
            self.invalidate()
            return Snapshot.create(self._location, creation_schema(self._spec), self._caches)

    def _with_manifest(self, snapshot: Snapshot) -> "_CachedSnapshot":
        return _CachedSnapshot(snapshot, self._manifest_identity(snapshot.version))

    def _manifest_identity(self, version: int) -> tuple[int, int] | None:
        """Return what tells the file of a version from another table's file of that version."""
        with suppress(FileNotFoundError):
            status = (self._path / "_versions" / _manifest_name(version)).stat()
            return status.st_ino, status.st_mtime_ns
        return None

    def _unpublished_manifests(self) -> list[Path]:
        """Return the files of versions that were never published.

        Their writer died, or the machine lost power, before all was synced. They may be corrupt,
        or files that they name may be, in ways that do not show at once. Nothing was promised on
        them, and the work they came from is done again.
        """
        published = self._published.read()
        if published is None:
            if self._has_data():
                return []  # made by a release that did not write the number
            published = 0  # its writer died while it created the table
        newest = _manifest_name(published)
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
            _log.warning("%s: quarantined the unpublished version %s", self._path, file.name)
            quarantine = self._path / _QUARANTINE_FOLDER
            quarantine.mkdir(exist_ok=True)
            file.rename(quarantine / file.name)
        if found:
            self.invalidate()

    def _count_old_versions(self) -> int:
        # The files' times are those of the file system, so they are compared with its clock.
        limit = time.time() - VERSION_RETENTION.total_seconds()
        names = (self._path / "_versions").glob("*.manifest")
        return sum(1 for name in names if name.stat().st_mtime < limit)


class _CachedSnapshot(msgspec.Struct, frozen=True, gc=False):
    """A snapshot, and the identity of the file that its version was read from."""

    snapshot: Snapshot
    manifest: tuple[int, int] | None


def _manifest_name(version: int) -> str:
    return f"{_MANIFEST_NAME_BASE - version:020d}.manifest"
