"""A lake in a bucket: where the tables of each generation lie, and how one replaces another."""

import os
import secrets
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from everlake.catalog import leases, table_versions
from everlake.catalog.database import Catalog
from everlake.catalog.leases import Lease
from everlake.catalog.table_versions import GenerationsRow, TableVersion
from everlake.storage import ObjectStore, StorageUnavailable
from everlake.tables.backend import TableBackend, TableSet
from everlake.tables.errors import LakeUnavailable
from everlake.tables.s3_version_store import LeaseProvider, S3VersionStore
from everlake.tables.snapshot import Caches
from everlake.tables.spec import LAKE_FOLDER, TableSpec, workspace_folder
from everlake.tables.types import TableLocation

_LEASE_MS = 30_000
STAGING_TIMEOUT_SECONDS = _LEASE_MS / 1000 + 2
_POLL_SECONDS = 0.5
_DELETE_CONCURRENCY = 16


class S3TableStorage:
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
        self.staging_leases = StagingLeases(catalog)

    def folder(self, workspace_id: str, generation: int | None) -> str:
        """The path of a generation's tables below the storage; None where none is known."""
        return f"{LAKE_FOLDER}/{workspace_folder(workspace_id)}/generation={generation or '*'}"


class S3TableBackend(TableBackend):
    """The tables that serve, or the ones that are being made to take their place.

    Args:
        fences: says who may write the tables that serve; None where this process only reads.
        building: whether the tables are meant that are being made.
    """

    def __init__(
        self,
        storage: S3TableStorage,
        lease_provider: LeaseProvider | None = None,
        *,
        staging: bool = False,
    ) -> None:
        self._storage = storage
        self._lease_provider = lease_provider or _ReadOnlyLeases()
        self._staging = staging

    def version_store(self, workspace_id: str, spec: TableSpec, caches: Caches) -> S3VersionStore:
        return S3VersionStore(
            self._storage.catalog,
            workspace_id,
            spec,
            (_StagedGeneration if self._staging else _ServingGeneration)(
                self._storage, workspace_id
            ),
            self._storage.staging_leases if self._staging else self._lease_provider,
            caches,
        )

    def table_set(self, workspace_id: str) -> "S3TableSet":
        return S3TableSet(self._storage, workspace_id, self._lease_provider)

    def staged(self) -> "S3TableBackend":
        return S3TableBackend(self._storage, self._lease_provider, staging=True)


class S3TableSet(TableSet):
    """The generations of a workspace's tables."""

    def __init__(
        self, storage: S3TableStorage, workspace_id: str, lease_provider: LeaseProvider
    ) -> None:
        self._storage = storage
        self._workspace_id = workspace_id
        self._lease_provider = lease_provider
        self._staging_leases = storage.staging_leases

    @property
    def uri(self) -> str:
        return self._url(self._row().serving)

    @property
    def staged_uri(self) -> str:
        return self._url(self._row().building or self._row().last + 1)

    def recover(self) -> None:
        """A swap is one transaction, so none is ever half done; but another may be at a rebuild.

        One that died is waited out: its lease ends by itself.
        """
        deadline = time.monotonic() + STAGING_TIMEOUT_SECONDS
        while not self._staging_leases.acquire(self._workspace_id):
            if time.monotonic() > deadline:
                raise _staged_elsewhere(self._workspace_id)
            time.sleep(_POLL_SECONDS)

    def create_staged(self) -> None:
        lease = self._staging_lease()
        with self._storage.catalog.transaction() as tx:
            begun = table_versions.begin_generation(tx, self._workspace_id, lease)
        if begun is None:
            raise _staged_elsewhere(self._workspace_id)

    def free_bytes(self) -> None:
        return None

    def save_checkpoint(self, checkpoint: bytes) -> None:
        lease = self._staging_lease()
        with self._storage.catalog.transaction() as tx:
            saved = table_versions.save_checkpoint(tx, self._workspace_id, checkpoint, lease)
        if not saved:
            raise _staged_elsewhere(self._workspace_id)

    def checkpoint(self) -> bytes | None:
        row = self._row()
        return None if row.building is None else row.notes

    def swapped_checkpoint(self) -> bytes | None:
        row = self._row()
        return None if row.replaced is None else row.notes

    def backup_uri(self) -> str:
        return self.uri

    def swap(self, keep_as: str | None = None) -> None:
        self.remove_replaced()
        row = self._row()
        writer = self._lease_provider.lease(self._workspace_id)
        if row.building is None or writer is None:
            raise _staged_elsewhere(self._workspace_id)
        maker, keep = self._staging_lease(), keep_as is not None
        with self._storage.catalog.transaction() as tx:
            done = table_versions.promote_generation(
                tx, self._workspace_id, row.building, (writer, maker), keep=keep
            )
        if not done:
            raise _staged_elsewhere(self._workspace_id)

    def remove_replaced(self) -> None:
        row = self._row()
        if row.replaced is not None:
            self._drop(row.replaced, keep=row.keep)

    def release(self) -> None:
        self._staging_leases.release(self._workspace_id)

    def drop_staged(self) -> None:
        row = self._row()
        if row.building is not None:
            self._drop(row.building, keep=False)

    def _drop(self, generation: int, *, keep: bool) -> None:
        """Its objects first: what is left of them after a crash is found again by its row."""
        if not keep:
            self._delete(generation)
        with self._storage.catalog.transaction() as tx:
            table_versions.drop_generation(tx, self._workspace_id, generation)

    def _delete(self, generation: int) -> None:
        store = self._storage.store
        try:
            found = store.list(self._storage.folder(self._workspace_id, generation))
            with ThreadPoolExecutor(_DELETE_CONCURRENCY, "lake-delete") as threads:
                for _ in threads.map(store.delete, [one.path for one in found]):
                    pass
        except StorageUnavailable as error:
            raise LakeUnavailable(
                f"Tables that were replaced in {self._url(generation)} cannot be deleted: {error}"
            ) from error

    def _row(self) -> GenerationsRow:
        with self._storage.catalog.autocommit() as tx:
            return table_versions.get_generations(tx, self._workspace_id)

    def _url(self, generation: int) -> str:
        return f"{self._storage.url}/{self._storage.folder(self._workspace_id, generation)}"

    def _staging_lease(self) -> Lease:
        lease = self._staging_leases.lease(self._workspace_id)
        if lease is None:
            raise _staged_elsewhere(self._workspace_id)
        return lease


class _GenerationView:
    """The tables of a workspace in a bucket."""

    def __init__(self, storage: S3TableStorage, workspace_id: str) -> None:
        workspace_folder(workspace_id)  # to be refused at once, where it is no good
        self._storage = storage
        self._workspace_id = workspace_id

    def location(self, name: str, generation: int | None) -> TableLocation:
        folder = self._storage.folder(self._workspace_id, generation)
        return TableLocation(f"{self._storage.url}/{folder}/{name}.lance", self._storage.options)

    def _row(self) -> GenerationsRow:
        with self._storage.catalog.autocommit() as tx:
            return table_versions.get_generations(tx, self._workspace_id)


class _ServingGeneration(_GenerationView):
    def head(self, name: str) -> TableVersion | None:
        with self._storage.catalog.autocommit() as tx:
            return table_versions.get_serving(tx, self._workspace_id, name)

    def generation(self) -> int:
        return self._row().serving


class _StagedGeneration(_GenerationView):
    def head(self, name: str) -> TableVersion | None:
        building = self._row().building
        if building is None:
            return None
        with self._storage.catalog.autocommit() as tx:
            return table_versions.get(tx, self._workspace_id, name, building)

    def generation(self) -> int:
        building = self._row().building
        if building is None:
            raise LakeUnavailable(f"No tables of {self._workspace_id} are being made.")
        return building


class _ReadOnlyLeases:
    """For processes that only read."""

    def lease(self, workspace_id: str) -> None:  # noqa: ARG002
        return None


class StagingLeases:
    """One maker of a workspace's next tables, over all machines: a lease of this process's own.

    It is taken once. Where another process has had it since, that one may have begun others.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._fences: dict[str, int] = {}

    def acquire(self, workspace_id: str) -> bool:
        """Begin to make tables; False where another does."""
        lease = self._acquire(workspace_id)
        if lease is None:
            return False
        self._fences[workspace_id] = lease.fence
        return True

    def lease(self, workspace_id: str) -> Lease | None:
        """The lease, renewed; None where it was not taken, or another has had it since."""
        if workspace_id not in self._fences:
            return None
        lease = self._acquire(workspace_id)
        if lease is None or lease.fence == self._fences[workspace_id]:
            return lease
        with self._catalog.transaction() as tx:
            leases.release(tx, lease)
        return None

    def release(self, workspace_id: str) -> None:
        """Let another make them."""
        lease = self.lease(workspace_id)
        self._fences.pop(workspace_id, None)
        if lease is not None:
            with self._catalog.transaction() as tx:
                leases.release(tx, lease)

    def _acquire(self, workspace_id: str) -> Lease | None:
        with self._catalog.transaction() as tx:
            return leases.acquire(
                tx,
                f"rebuild/{workspace_id}",
                owner=PROCESS_NAME,
                now=self._catalog.now_ms(),
                ttl_ms=_LEASE_MS,
            )


PROCESS_NAME = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def _staged_elsewhere(workspace_id: str) -> LakeUnavailable:
    return LakeUnavailable(
        f"Another process makes the tables of workspace {workspace_id} anew. Wait for it, or stop "
        "it and call again."
    )
