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

from everlake.catalog import heads
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogUnavailable
from everlake.catalog.heads import Head
from everlake.catalog.leases import Lease
from everlake.lake.dataset import Caches, Snapshot, new_caches
from everlake.lake.errors import LakeDamaged, LakeError, LakeUnavailable
from everlake.lake.parts import LanceFault, Location, NoTable
from everlake.lake.site import CLEAN_AT, KEEP_VERSIONS, Versions
from everlake.lake.spec import TableSpec

_log = logging.getLogger(__name__)

KEEP_NEWEST = 16
"""Versions that no clean-up takes, for a paused writer may have put one or two on the head."""

_LOST = "another writer has taken over"
_BETWEEN = "another writer made a version of it meanwhile"


class Fences(Protocol):
    """Who may write a workspace's tables."""

    @abstractmethod
    def lease(self, workspace_id: str) -> Lease | None:
        """This process's right to write them; None where it has none."""
        ...


class Folder(Protocol):
    """The tables of a workspace, of the generation that is meant."""

    @abstractmethod
    def head(self, name: str) -> Head | None:
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
    def location(self, name: str, generation: int | None) -> Location:
        """Where a table of a generation lies; None is for messages, where none is known."""
        ...


class BucketVersions(Versions):
    """The versions of a table in a bucket."""

    def __init__(
        self,
        catalog: Catalog,
        workspace_id: str,
        spec: TableSpec,
        folder: Folder,
        fences: Fences,
        caches: Caches,
    ) -> None:
        self._catalog = catalog
        self._workspace_id = workspace_id
        self._spec = spec
        self._folder = folder
        self._fences = fences
        self._caches = caches
        self._held: tuple[Head, Snapshot] | None = None
        self._turn: _Turn | None = None
        self._cleaned_at = 0

    @property
    def where(self) -> str:
        generation = self._held[0].generation if self._held else None
        return self._folder.location(self._spec.name, generation).uri

    def exists(self) -> bool:
        return self._find() is not None

    def latest(self) -> Snapshot:
        head = self._find()
        if head is None:
            raise NoTable(self._spec.name)
        return self._at(head)

    def forget(self) -> None:
        self._held = None
        self.prepared = False
        self._caches = new_caches()

    @contextmanager
    def alone(self) -> Generator[None]:
        yield  # nothing keeps others away; what they do does not count

    def begin(self) -> Snapshot:
        lease = self._fences.lease(self._workspace_id)
        if lease is None:
            raise self._lost(_LOST)
        head = self._find()
        generation = self._generation() if head is None else head.generation
        self._turn = _Turn(lease, generation, head)
        if head is None:
            return self._made(generation)
        snapshot = self._at(head)
        if self.prepared or snapshot.latest_version() == head.version:
            return snapshot
        _log.warning("%s: what follows version %d does not count", self.where, head.version)
        return self._put_on_top(snapshot)

    def secure(self, folders: Collection[str]) -> None:
        """Nothing to do: an object that was put is there."""

    def settle(self, snapshot: Snapshot, upon: Snapshot) -> None:
        if snapshot.version != upon.version and not _follows(snapshot, upon):
            raise self._lost(_BETWEEN)
        self._move(snapshot)

    def end(self, snapshot: Snapshot) -> None:
        turn, self._turn = self._turn, None
        if turn is not None and turn.head is not None:
            self._held = (turn.head, snapshot)

    def is_unfinished(self) -> bool:
        return False  # whatever there is, readers see the head

    def clean(self) -> int:
        head = self._find()
        if head is None or head.version < self._cleaned_at + CLEAN_AT:
            return 0
        self._cleaned_at = head.version
        own = self._at(head).reopened()
        return own.remove_old_versions(KEEP_VERSIONS, keep=KEEP_NEWEST)

    def forget_others(self, snapshot: Snapshot) -> None:
        snapshot.remove_old_versions(timedelta(0), keep=KEEP_NEWEST)

    def explained(self, fault: LanceFault) -> LakeError:
        cause = str(fault).split(", /", 1)[0]
        if "ot found" in cause or "corrupt" in cause:
            return LakeDamaged(self._workspace_id, self._spec.name, cause)
        if "onflict" in cause or "ncompatible" in cause:
            return self._lost(_BETWEEN)
        return LakeUnavailable(
            f"The lake table {self.where} cannot be used now: {cause}. "
            "Check the bucket, the way to it, and the memory; the work is tried again."
        )

    def _find(self) -> Head | None:
        try:
            return self._folder.head(self._spec.name)
        except CatalogUnavailable as error:
            raise _no_catalog(error) from error

    def _generation(self) -> int:
        try:
            return self._folder.generation()
        except CatalogUnavailable as error:
            raise _no_catalog(error) from error

    def _at(self, head: Head) -> Snapshot:
        held = self._held
        if held is not None and held[0] == head:
            return held[1]
        if held is not None and held[0].generation == head.generation:
            snapshot = held[1].at(head.version)
        else:
            self.forget()
            location = self._folder.location(self._spec.name, head.generation)
            snapshot = Snapshot.open(location, self._spec.schema, self._caches, head.version)
        self._held = (head, snapshot)
        return snapshot

    def _made(self, generation: int) -> Snapshot:
        """A table without rows, where the catalog knows of none.

        There may be one all the same: its maker did not come to its end, or the catalog was
        restored from a time before it. Nothing of it counts, and its first version may be gone.
        """
        self.forget()
        where = self._folder.location(self._spec.name, generation), self._spec.schema, self._caches
        try:
            snapshot = Snapshot.create(*where)
        except LanceFault as fault:
            if "already exists" not in str(fault):
                raise
            snapshot = Snapshot.begin_anew(*where)
        self._move(snapshot)
        return snapshot

    def _put_on_top(self, snapshot: Snapshot) -> Snapshot:
        """The same content as the newest version, which counts."""
        own = snapshot.reopened()
        own.restore()
        self._move(own)
        return own

    def _move(self, snapshot: Snapshot) -> None:
        turn = self._turn
        if turn is None:
            raise self._lost(_LOST)
        after = Head(turn.generation, snapshot.version)
        if after == turn.head:
            return
        try:
            with self._catalog.write() as tx:
                moved = heads.move(
                    tx, self._workspace_id, self._spec.name, turn.head, after, turn.lease
                )
        except CatalogUnavailable as error:
            raise _no_catalog(error) from error
        if not moved:
            raise self._lost(_LOST)
        turn.head = after

    def _lost(self, why: str) -> LakeUnavailable:
        return LakeUnavailable(f"The lake table {self.where}: {why}. The work is tried again.")


class _Turn(msgspec.Struct):
    """One writer's turn: its right to write, and the head from which it moves on."""

    lease: Lease
    generation: int
    head: Head | None


def _follows(snapshot: Snapshot, upon: Snapshot) -> bool:
    """Whether nothing of another writer came between; a compaction makes two versions."""
    steps = snapshot.version - upon.version
    return steps == 1 or (steps == 2 and snapshot.at(upon.version + 1).reserves_ids())


def _no_catalog(error: CatalogUnavailable) -> LakeUnavailable:
    return LakeUnavailable(f"The lake's tables cannot be found without the catalog: {error}")
