"""Version store in a bucket: the catalog names the current version of each table, its *head*.

A bucket has no lock, so a writer that was paused may wake and commit a version at any time; Lance
puts it on top of whatever is there by then. Such a version is never published: the head moves only
from the version that the writer checked out, only for the holder of the workspace's lease, and only
if no other version came in between. Readers use the head. The next writer restores the head as the
newest version, so no version is ever deleted while it is read, and none gets a second meaning.
"""

import logging
from abc import abstractmethod
from collections.abc import Collection, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

import msgspec

from everlake.catalog import table_versions
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogUnavailable
from everlake.catalog.leases import Lease
from everlake.catalog.table_versions import TableVersion
from everlake.tables.analysis_versions import creation_schema
from everlake.tables.backend import VersionStore
from everlake.tables.errors import (
    ErrorKind,
    LakeDamaged,
    LakeError,
    LakeUnavailable,
    LanceError,
    TableNotFound,
)
from everlake.tables.retention import CLEANUP_THRESHOLD, VERSION_RETENTION
from everlake.tables.snapshot import Caches, Snapshot, new_caches
from everlake.tables.spec import TableSpec
from everlake.tables.types import TableLocation
from everlake.tables.working_snapshot import WorkingSnapshot

_log = logging.getLogger(__name__)

MIN_VERSIONS_KEPT = 16
"""Newest versions that no clean-up removes: a paused writer may have put some above the head."""

_LEASE_LOST = "another writer has taken over"
_CONCURRENT_WRITE = "another writer committed a version meanwhile"


class LeaseProvider(Protocol):
    """Right of this process to write a workspace's tables."""

    @abstractmethod
    def lease(self, workspace_id: str) -> Lease | None:
        """Return the lease of this process; None where it has none."""
        ...


class GenerationView(Protocol):
    """Tables of one generation of a workspace."""

    @abstractmethod
    def head(self, name: str) -> TableVersion | None:
        """Return the head of a table; None where there is no table.

        Raises:
            CatalogUnavailable
        """
        ...

    @abstractmethod
    def generation(self) -> int:
        """Return the generation that a new table belongs to.

        Raises:
            CatalogUnavailable
        """
        ...

    @abstractmethod
    def has_files(self, name: str, generation: int) -> bool:
        """Return whether the bucket has a version of a table.

        Raises:
            LakeUnavailable
        """
        ...

    @abstractmethod
    def location(self, name: str, generation: int | None) -> TableLocation:
        """Return the location of a table; no generation is for messages, where it is unknown."""
        ...


class S3VersionStore(VersionStore):
    """Version store of a table in a bucket.

    Args:
        catalog: holds the head.
        workspace_id: the workspace of the table.
        spec: the table.
        generation_view: the generation of tables that this one is part of.
        lease_provider: the right to write the table.
        caches: shared by all tables.
    """

    def __init__(
        self,
        catalog: Catalog,
        workspace_id: str,
        spec: TableSpec,
        generation_view: GenerationView,
        lease_provider: LeaseProvider,
        caches: Caches,
    ) -> None:
        self._catalog = catalog
        self._workspace_id = workspace_id
        self._spec = spec
        self._generation_view = generation_view
        self._lease_provider = lease_provider
        self._caches = caches
        self._cached: tuple[TableVersion, Snapshot] | None = None
        self._write_session: _WriteSession | None = None
        self._cleaned_at_version = 0

    @property
    def uri(self) -> str:
        """See :attr:`everlake.tables.backend.VersionStore.uri`."""
        generation = self._cached[0].generation if self._cached else None
        return self._generation_view.location(self._spec.name, generation).uri

    def exists(self) -> bool:
        """See :meth:`everlake.tables.backend.VersionStore.exists`."""
        return self._current_head() is not None

    def is_lost(self) -> bool:
        """See :meth:`everlake.tables.backend.VersionStore.is_lost`."""
        head = self._current_head()
        return head is not None and not self._generation_view.has_files(
            self._spec.name, head.generation
        )

    def latest(self) -> Snapshot:
        """See :meth:`everlake.tables.backend.VersionStore.latest`."""
        head = self._current_head()
        if head is None:
            raise TableNotFound(self._spec.name)
        return self._snapshot_at(head)

    def invalidate(self) -> None:
        """See :meth:`everlake.tables.backend.VersionStore.invalidate`."""
        self._cached = None
        self.prepared = False
        self._caches = new_caches()

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """See :meth:`everlake.tables.backend.VersionStore.exclusive`."""
        yield  # there is no lock: versions of other writers are never published

    def checkout(self) -> Snapshot:
        """See :meth:`everlake.tables.backend.VersionStore.checkout`."""
        lease = self._lease_provider.lease(self._workspace_id)
        if lease is None:
            raise self._unavailable(_LEASE_LOST)
        head = self._current_head()
        generation = self._new_table_generation() if head is None else head.generation
        self._write_session = _WriteSession(lease, generation, head)
        if head is None:
            return self._create(generation)
        snapshot = self._snapshot_at(head)
        if self.prepared or snapshot.latest_version() == head.version:
            return snapshot
        _log.warning("%s: ignoring unpublished versions after %d", self.uri, head.version)
        return self._republish(snapshot)

    def sync(self, folders: Collection[str]) -> None:
        """Do nothing: an object is durable once it is written."""

    def publish(self, snapshot: Snapshot, base: Snapshot) -> None:
        """See :meth:`everlake.tables.backend.VersionStore.publish`."""
        if snapshot.version != base.version and not _is_successor(snapshot, base):
            raise self._unavailable(_CONCURRENT_WRITE)
        self._advance_head(snapshot)

    def finish(self, snapshot: Snapshot) -> None:
        """See :meth:`everlake.tables.backend.VersionStore.finish`."""
        session, self._write_session = self._write_session, None
        if session is not None and session.head is not None:
            self._cached = (session.head, snapshot)

    def has_unpublished_versions(self) -> bool:
        """See :meth:`everlake.tables.backend.VersionStore.has_unpublished_versions`."""
        return False  # readers use the head

    def remove_old_versions(self) -> int:
        """See :meth:`everlake.tables.backend.VersionStore.remove_old_versions`."""
        head = self._current_head()
        if head is None or head.version < self._cleaned_at_version + CLEANUP_THRESHOLD:
            return 0
        self._cleaned_at_version = head.version
        own = WorkingSnapshot.of(self._snapshot_at(head))
        return own.remove_old_versions(VERSION_RETENTION, keep=MIN_VERSIONS_KEPT)

    def remove_other_versions(self, snapshot: WorkingSnapshot) -> None:
        """See :meth:`everlake.tables.backend.VersionStore.remove_other_versions`."""
        snapshot.remove_old_versions(timedelta(0), keep=MIN_VERSIONS_KEPT)

    def classify(self, error: LanceError) -> LakeError:
        """See :meth:`everlake.tables.backend.VersionStore.classify`."""
        if error.kind in {ErrorKind.MISSING, ErrorKind.CORRUPT}:
            return LakeDamaged(self._workspace_id, self._spec.name, error.cause)
        if error.kind is ErrorKind.CONFLICT:
            return self._unavailable(_CONCURRENT_WRITE)
        return LakeUnavailable(
            f"The lake table {self.uri} cannot be used now: {error.cause}. "
            "Check the bucket, the network, and the memory; the work is tried again."
        )

    def _current_head(self) -> TableVersion | None:
        try:
            return self._generation_view.head(self._spec.name)
        except CatalogUnavailable as error:
            raise _catalog_unavailable(error) from error

    def _new_table_generation(self) -> int:
        try:
            return self._generation_view.generation()
        except CatalogUnavailable as error:
            raise _catalog_unavailable(error) from error

    def _snapshot_at(self, head: TableVersion) -> Snapshot:
        held = self._cached
        if held is not None and held[0] == head:
            return held[1]
        if held is not None and held[0].generation == head.generation:
            snapshot = held[1].at_version(head.version)
        else:
            self.invalidate()
            location = self._generation_view.location(self._spec.name, head.generation)
            snapshot = Snapshot.open(location, self._spec.schema, self._caches, head.version)
        self._cached = (head, snapshot)
        return snapshot

    def _create(self, generation: int) -> Snapshot:
        """Create an empty table, where the catalog has none.

        The bucket may hold one all the same: its creator died before it was published, or the
        catalog was restored from an earlier backup. It is overwritten.
        """
        self.invalidate()
        where = (
            self._generation_view.location(self._spec.name, generation),
            creation_schema(self._spec),
            self._caches,
        )
        try:
            snapshot = Snapshot.create(*where)
        except LanceError as error:
            if error.kind is not ErrorKind.EXISTS:
                raise
            snapshot = Snapshot.overwrite(*where)
        self._advance_head(snapshot)
        return snapshot

    def _republish(self, snapshot: Snapshot) -> Snapshot:
        """Publish the same content as a new version, above all others."""
        own = WorkingSnapshot.of(snapshot)
        own.restore()
        self._advance_head(own)
        return own

    def _advance_head(self, snapshot: Snapshot) -> None:
        session = self._write_session
        if session is None:
            raise self._unavailable(_LEASE_LOST)
        new = TableVersion(session.generation, snapshot.version)
        if new == session.head:
            return
        try:
            with self._catalog.transaction() as tx:
                moved = table_versions.publish(
                    tx, self._workspace_id, self._spec.name, session.head, new, session.lease
                )
        except CatalogUnavailable as error:
            raise _catalog_unavailable(error) from error
        if not moved:
            raise self._unavailable(_LEASE_LOST)
        session.head = new

    def _unavailable(self, reason: str) -> LakeUnavailable:
        return LakeUnavailable(f"The lake table {self.uri}: {reason}. The work is tried again.")


class _WriteSession(msgspec.Struct):
    """One write: the lease, and the head that it moves on from."""

    lease: Lease
    generation: int
    head: TableVersion | None


def _is_successor(snapshot: Snapshot, base: Snapshot) -> bool:
    """Return whether no version of another writer is in between; a compaction makes two."""
    steps = snapshot.version - base.version
    return steps == 1 or (steps == 2 and snapshot.at_version(base.version + 1).is_id_reservation())


def _catalog_unavailable(error: CatalogUnavailable) -> LakeUnavailable:
    return LakeUnavailable(f"The catalog, which names the lake's tables, is unavailable: {error}")
