"""A lake in a bucket: where the tables of each generation lie, and how one replaces another."""

import os
import secrets
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from everlake.catalog import heads, leases
from everlake.catalog.engine import Catalog
from everlake.catalog.heads import Head, PlaceRow
from everlake.catalog.leases import Lease
from everlake.lake.bucket import BucketVersions, Fences
from everlake.lake.dataset import Caches
from everlake.lake.errors import LakeUnavailable
from everlake.lake.parts import Location
from everlake.lake.site import Place, Site
from everlake.lake.spec import FOLDER, TableSpec, folder_of
from everlake.storage import ObjectStore, StorageUnavailable

_LEASE_MS = 30_000
PATIENCE_SECONDS = _LEASE_MS / 1000 + 2
_LOOK_AGAIN_SECONDS = 0.5
_DELETES_AT_ONCE = 16


class Bucket:
    """The parts that all of a bucket's sites share.

    Args:
        url: of the storage, ``s3://bucket/prefix``.
        options: what the engine must know to get there.
    """

    def __init__(
        self, catalog: Catalog, store: ObjectStore, url: str, options: dict[str, str]
    ) -> None:
        self.catalog = catalog
        self.store = store
        self.url = url.rstrip("/")
        self.options = options
        self.makers = Makers(catalog)

    def folder(self, workspace_id: str, generation: int | None) -> str:
        """The path of a generation's tables below the storage; None where none is known."""
        return f"{FOLDER}/{folder_of(workspace_id)}/generation={generation or '*'}"


class BucketSite(Site):
    """The tables that serve, or the ones that are being made to take their place.

    Args:
        fences: says who may write the tables that serve; None where this process only reads.
        building: whether the tables are meant that are being made.
    """

    def __init__(
        self, bucket: Bucket, fences: Fences | None = None, *, building: bool = False
    ) -> None:
        self._bucket = bucket
        self._fences = fences or _Nobody()
        self._building = building

    def versions(self, workspace_id: str, spec: TableSpec, caches: Caches) -> BucketVersions:
        return BucketVersions(
            self._bucket.catalog,
            workspace_id,
            spec,
            (_Building if self._building else _Serving)(self._bucket, workspace_id),
            self._bucket.makers if self._building else self._fences,
            caches,
        )

    def place(self, workspace_id: str) -> "BucketPlace":
        return BucketPlace(self._bucket, workspace_id, self._fences)

    def staged(self) -> "BucketSite":
        return BucketSite(self._bucket, self._fences, building=True)


class BucketPlace(Place):
    """The generations of a workspace's tables."""

    def __init__(self, bucket: Bucket, workspace_id: str, fences: Fences) -> None:
        self._bucket = bucket
        self._workspace_id = workspace_id
        self._fences = fences
        self._makers = bucket.makers

    @property
    def where(self) -> str:
        return self._url(self._row().serving)

    @property
    def staged(self) -> str:
        return self._url(self._row().building or self._row().last + 1)

    def settle(self) -> None:
        """A swap is one transaction, so none is ever half done; but another may be at a rebuild.

        One that died is waited out: its lease ends by itself.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._makers.take(self._workspace_id):
            if time.monotonic() > deadline:
                raise _taken(self._workspace_id)
            time.sleep(_LOOK_AGAIN_SECONDS)

    def make(self) -> None:
        lease = self._maker()
        with self._bucket.catalog.write() as tx:
            begun = heads.begin(tx, self._workspace_id, lease)
        if begun is None:
            raise _taken(self._workspace_id)

    def free_bytes(self) -> None:
        return None

    def save_notes(self, notes: bytes) -> None:
        lease = self._maker()
        with self._bucket.catalog.write() as tx:
            saved = heads.note(tx, self._workspace_id, notes, lease)
        if not saved:
            raise _taken(self._workspace_id)

    def notes(self) -> bytes | None:
        row = self._row()
        return None if row.building is None else row.notes

    def swapped_notes(self) -> bytes | None:
        row = self._row()
        return None if row.replaced is None else row.notes

    def where_to_keep(self) -> str:
        return self.where

    def swap(self, keep_as: str | None = None) -> None:
        self.clean()
        row = self._row()
        writer = self._fences.lease(self._workspace_id)
        if row.building is None or writer is None:
            raise _taken(self._workspace_id)
        maker, keep = self._maker(), keep_as is not None
        with self._bucket.catalog.write() as tx:
            done = heads.swap(tx, self._workspace_id, row.building, (writer, maker), keep=keep)
        if not done:
            raise _taken(self._workspace_id)

    def clean(self) -> None:
        row = self._row()
        if row.replaced is not None:
            self._drop(row.replaced, keep=row.keep)

    def leave(self) -> None:
        self._makers.leave(self._workspace_id)

    def drop_staged(self) -> None:
        row = self._row()
        if row.building is not None:
            self._drop(row.building, keep=False)

    def _drop(self, generation: int, *, keep: bool) -> None:
        """Its objects first: what is left of them after a crash is found again by its row."""
        if not keep:
            self._delete(generation)
        with self._bucket.catalog.write() as tx:
            heads.drop(tx, self._workspace_id, generation)

    def _delete(self, generation: int) -> None:
        store = self._bucket.store
        try:
            found = store.list(self._bucket.folder(self._workspace_id, generation))
            with ThreadPoolExecutor(_DELETES_AT_ONCE, "lake-delete") as threads:
                for _ in threads.map(store.delete, [one.path for one in found]):
                    pass
        except StorageUnavailable as error:
            raise LakeUnavailable(
                f"Tables that were replaced in {self._url(generation)} cannot be deleted: {error}"
            ) from error

    def _row(self) -> PlaceRow:
        with self._bucket.catalog.look() as tx:
            return heads.place(tx, self._workspace_id)

    def _url(self, generation: int) -> str:
        return f"{self._bucket.url}/{self._bucket.folder(self._workspace_id, generation)}"

    def _maker(self) -> Lease:
        lease = self._makers.lease(self._workspace_id)
        if lease is None:
            raise _taken(self._workspace_id)
        return lease


class _Folder:
    """The tables of a workspace in a bucket."""

    def __init__(self, bucket: Bucket, workspace_id: str) -> None:
        folder_of(workspace_id)  # to be refused at once, where it is no good
        self._bucket = bucket
        self._workspace_id = workspace_id

    def location(self, name: str, generation: int | None) -> Location:
        folder = self._bucket.folder(self._workspace_id, generation)
        return Location(f"{self._bucket.url}/{folder}/{name}.lance", self._bucket.options)

    def _row(self) -> PlaceRow:
        with self._bucket.catalog.look() as tx:
            return heads.place(tx, self._workspace_id)


class _Serving(_Folder):
    def head(self, name: str) -> Head | None:
        with self._bucket.catalog.look() as tx:
            return heads.serving(tx, self._workspace_id, name)

    def generation(self) -> int:
        return self._row().serving


class _Building(_Folder):
    def head(self, name: str) -> Head | None:
        building = self._row().building
        if building is None:
            return None
        with self._bucket.catalog.look() as tx:
            return heads.head_of(tx, self._workspace_id, name, building)

    def generation(self) -> int:
        building = self._row().building
        if building is None:
            raise LakeUnavailable(f"No tables of {self._workspace_id} are being made.")
        return building


class _Nobody:
    """For processes that only read."""

    def lease(self, workspace_id: str) -> None:  # noqa: ARG002
        return None


class Makers:
    """One maker of a workspace's next tables, over all machines: a lease of this process's own.

    It is taken once. Where another process has had it since, that one may have begun others.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._fences: dict[str, int] = {}

    def take(self, workspace_id: str) -> bool:
        """Begin to make tables; False where another does."""
        lease = self._acquired(workspace_id)
        if lease is None:
            return False
        self._fences[workspace_id] = lease.fence
        return True

    def lease(self, workspace_id: str) -> Lease | None:
        """The lease, renewed; None where it was not taken, or another has had it since."""
        if workspace_id not in self._fences:
            return None
        lease = self._acquired(workspace_id)
        if lease is None or lease.fence == self._fences[workspace_id]:
            return lease
        with self._catalog.write() as tx:
            leases.release(tx, lease)
        return None

    def leave(self, workspace_id: str) -> None:
        """Let another make them."""
        lease = self.lease(workspace_id)
        self._fences.pop(workspace_id, None)
        if lease is not None:
            with self._catalog.write() as tx:
                leases.release(tx, lease)

    def _acquired(self, workspace_id: str) -> Lease | None:
        with self._catalog.write() as tx:
            return leases.acquire(
                tx,
                f"rebuild/{workspace_id}",
                owner=PROCESS,
                now=self._catalog.now_ms(),
                ttl_ms=_LEASE_MS,
            )


PROCESS = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def _taken(workspace_id: str) -> LakeUnavailable:
    return LakeUnavailable(
        f"Another process makes the tables of workspace {workspace_id} anew. Wait for it, or stop "
        "it and call again."
    )
