"""Tables in a bucket of S3: the catalog says which version of each counts.

``<prefix>/lake/workspace=<id>/generation=<n>/<table>.lance``. A bucket has no lock, so a writer
that was paused may wake and make a version at any time; Lance puts it on top of whatever is there
by then. It does not count: the catalog's head of the table moves only from the version that the
writer began with, by who has the workspace's lease, and what came between is noticed. Readers see
the head. The next writer goes back to it by making it the newest version once more, so that no
version is ever taken away from under anybody, and none has two meanings.
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
from everlake.tables.backend import CLEANUP_THRESHOLD, VERSION_RETENTION, VersionStore
from everlake.tables.errors import (
    LakeDamaged,
    LakeError,
    LakeUnavailable,
    LanceError,
    TableNotFound,
)
from everlake.tables.snapshot import Caches, Snapshot, new_caches
from everlake.tables.spec import TableSpec
from everlake.tables.types import TableLocation

_log = logging.getLogger(__name__)

MIN_VERSIONS_KEPT = 16
"""Versions that no clean-up takes, for a paused writer may have put one or two on the head."""

_LEASE_LOST = "another writer has taken over"
_CONCURRENT_WRITE = "another writer made a version of it meanwhile"


class LeaseProvider(Protocol):
    """Who may write a workspace's tables."""

    @abstractmethod
    def lease(self, workspace_id: str) -> Lease | None:
        """This process's right to write them; None where it has none."""
        ...


class GenerationView(Protocol):
    """The tables of a workspace, of the generation that is meant."""

    @abstractmethod
    def head(self, name: str) -> TableVersion | None:
        """The head of a table; None where there is no table.

        Raises:
            CatalogUnavailable
        """
        ...

    @abstractmethod
    def generation(self) -> int:
        """The generation of a table that is to be made.

        Raises:
            CatalogUnavailable
        """
        ...

    @abstractmethod
    def location(self, name: str, generation: int | None) -> TableLocation:
        """Where a table of a generation lies; None is for messages, where none is known."""
        ...


class S3VersionStore(VersionStore):
    """The versions of a table in a bucket."""

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
        generation = self._cached[0].generation if self._cached else None
        return self._generation_view.location(self._spec.name, generation).uri

    def exists(self) -> bool:
        return self._current_head() is not None

    def latest(self) -> Snapshot:
        head = self._current_head()
        if head is None:
            raise TableNotFound(self._spec.name)
        return self._snapshot_at(head)

    def invalidate(self) -> None:
        self._cached = None
        self.prepared = False
        self._caches = new_caches()

    @contextmanager
    def exclusive(self) -> Generator[None]:
        yield  # nothing keeps others away; what they do does not count

    def checkout(self) -> Snapshot:
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
        _log.warning("%s: what follows version %d does not count", self.uri, head.version)
        return self._republish(snapshot)

    def sync(self, folders: Collection[str]) -> None:
        """Nothing to do: an object that was put is there."""

    def publish(self, snapshot: Snapshot, base: Snapshot) -> None:
        if snapshot.version != base.version and not _is_successor(snapshot, base):
            raise self._unavailable(_CONCURRENT_WRITE)
        self._advance_head(snapshot)

    def finish(self, snapshot: Snapshot) -> None:
        turn, self._write_session = self._write_session, None
        if turn is not None and turn.head is not None:
            self._cached = (turn.head, snapshot)

    def has_unpublished_versions(self) -> bool:
        return False  # whatever there is, readers see the head

    def remove_old_versions(self) -> int:
        head = self._current_head()
        if head is None or head.version < self._cleaned_at_version + CLEANUP_THRESHOLD:
            return 0
        self._cleaned_at_version = head.version
        own = self._snapshot_at(head).reopen()
        return own.remove_old_versions(VERSION_RETENTION, keep=MIN_VERSIONS_KEPT)

    def remove_other_versions(self, snapshot: Snapshot) -> None:
        snapshot.remove_old_versions(timedelta(0), keep=MIN_VERSIONS_KEPT)

    def classify(self, error: LanceError) -> LakeError:
        cause = str(error).split(", /", 1)[0]
        if "ot found" in cause or "corrupt" in cause:
            return LakeDamaged(self._workspace_id, self._spec.name, cause)
        if "onflict" in cause or "ncompatible" in cause:
            return self._unavailable(_CONCURRENT_WRITE)
        return LakeUnavailable(
            f"The lake table {self.uri} cannot be used now: {cause}. "
            "Check the bucket, the way to it, and the memory; the work is tried again."
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
        """A table without rows, where the catalog knows of none.

        There may be one all the same: its maker did not come to its end, or the catalog was
        restored from a time before it. Nothing of it counts, and its first version may be gone.
        """
        self.invalidate()
        where = (
            self._generation_view.location(self._spec.name, generation),
            creation_schema(self._spec),
            self._caches,
        )
        try:
            snapshot = Snapshot.create(*where)
        except LanceError as fault:
            if "already exists" not in str(fault):
                raise
            snapshot = Snapshot.overwrite(*where)
        self._advance_head(snapshot)
        return snapshot

    def _republish(self, snapshot: Snapshot) -> Snapshot:
        """The same content as the newest version, which counts."""
        own = snapshot.reopen()
        own.restore()
        self._advance_head(own)
        return own

    def _advance_head(self, snapshot: Snapshot) -> None:
        turn = self._write_session
        if turn is None:
            raise self._unavailable(_LEASE_LOST)
        after = TableVersion(turn.generation, snapshot.version)
        if after == turn.head:
            return
        try:
            with self._catalog.transaction() as tx:
                moved = table_versions.publish(
                    tx, self._workspace_id, self._spec.name, turn.head, after, turn.lease
                )
        except CatalogUnavailable as error:
            raise _catalog_unavailable(error) from error
        if not moved:
            raise self._unavailable(_LEASE_LOST)
        turn.head = after

    def _unavailable(self, reason: str) -> LakeUnavailable:
        return LakeUnavailable(f"The lake table {self.uri}: {reason}. The work is tried again.")


class _WriteSession(msgspec.Struct):
    """One writer's turn: its right to write, and the head from which it moves on."""

    lease: Lease
    generation: int
    head: TableVersion | None


def _is_successor(snapshot: Snapshot, base: Snapshot) -> bool:
    """Whether nothing of another writer came between; a compaction makes two versions."""
    steps = snapshot.version - base.version
    return steps == 1 or (steps == 2 and snapshot.at_version(base.version + 1).is_id_reservation())


def _catalog_unavailable(error: CatalogUnavailable) -> LakeUnavailable:
    return LakeUnavailable(f"The lake's tables cannot be found without the catalog: {error}")
