"""Table set in a bucket: generations of tables, of which the catalog names the current one."""

import time
from concurrent.futures import ThreadPoolExecutor

from everlake.catalog import table_versions
from everlake.catalog.leases import Lease
from everlake.catalog.table_versions import GenerationsRow
from everlake.storage import StorageUnavailable
from everlake.tables.backend import TableSet
from everlake.tables.errors import LakeUnavailable
from everlake.tables.s3_storage import S3TableStorage
from everlake.tables.s3_version_store import LeaseProvider
from everlake.tables.staging_leases import LEASE_MS

STAGING_TIMEOUT_SECONDS = LEASE_MS / 1000 + 2
"""The lease of a process that died ends within this time."""

_POLL_SECONDS = 0.5
_DELETE_CONCURRENCY = 16


class S3TableSet(TableSet):
    """Table set of a workspace in a bucket.

    Args:
        storage: the bucket and the catalog.
        workspace_id: the workspace.
        lease_provider: the right to write the current set, which a swap needs.
    """

    def __init__(
        self, storage: S3TableStorage, workspace_id: str, lease_provider: LeaseProvider
    ) -> None:
        self._storage = storage
        self._workspace_id = workspace_id
        self._lease_provider = lease_provider
        self._staging_leases = storage.staging_leases

    @property
    def uri(self) -> str:
        """See :attr:`everlake.tables.backend.TableSet.uri`."""
        return self._url(self._row().serving)

    @property
    def staged_uri(self) -> str:
        """See :attr:`everlake.tables.backend.TableSet.staged_uri`."""
        return self._url(self._row().building or self._row().last + 1)

    def acquire_staging(self) -> None:
        """Acquire the lease; wait for that of a process that died to end.

        A swap is one transaction, so none is ever half done.
        """
        deadline = time.monotonic() + STAGING_TIMEOUT_SECONDS
        while not self._staging_leases.acquire(self._workspace_id):
            if time.monotonic() > deadline:
                raise _staged_elsewhere(self._workspace_id)
            time.sleep(_POLL_SECONDS)

    def release_staging(self) -> None:
        """See :meth:`everlake.tables.backend.TableSet.release_staging`."""
        self._staging_leases.release(self._workspace_id)

    def create_staged(self) -> None:
        """See :meth:`everlake.tables.backend.TableSet.create_staged`."""
        lease = self._staging_lease()
        with self._storage.catalog.transaction() as tx:
            generation = table_versions.begin_generation(tx, self._workspace_id, lease)
        if generation is None:
            raise _staged_elsewhere(self._workspace_id)

    def drop_staged(self) -> None:
        """See :meth:`everlake.tables.backend.TableSet.drop_staged`."""
        row = self._row()
        if row.building is not None:
            self._drop(row.building, keep=False)

    def free_bytes(self) -> None:
        """See :meth:`everlake.tables.backend.TableSet.free_bytes`."""

    def save_checkpoint(self, checkpoint: bytes) -> None:
        """See :meth:`everlake.tables.backend.TableSet.save_checkpoint`."""
        lease = self._staging_lease()
        with self._storage.catalog.transaction() as tx:
            saved = table_versions.save_checkpoint(tx, self._workspace_id, checkpoint, lease)
        if not saved:
            raise _staged_elsewhere(self._workspace_id)

    def checkpoint(self) -> bytes | None:
        """See :meth:`everlake.tables.backend.TableSet.checkpoint`."""
        row = self._row()
        return None if row.building is None else row.notes

    def swapped_checkpoint(self) -> bytes | None:
        """See :meth:`everlake.tables.backend.TableSet.swapped_checkpoint`."""
        row = self._row()
        return None if row.replaced is None else row.notes

    def backup_uri(self) -> str:
        """See :meth:`everlake.tables.backend.TableSet.backup_uri`."""
        return self.uri

    def swap(self, keep_as: str | None = None) -> None:
        """See :meth:`everlake.tables.backend.TableSet.swap`."""
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
        """See :meth:`everlake.tables.backend.TableSet.remove_replaced`."""
        row = self._row()
        if row.replaced is not None:
            self._drop(row.replaced, keep=row.keep)

    def _drop(self, generation: int, *, keep: bool) -> None:
        """Delete a generation: its objects first, so that its row still names the rest of them
        after a crash."""
        if not keep:
            self._delete_objects(generation)
        with self._storage.catalog.transaction() as tx:
            table_versions.drop_generation(tx, self._workspace_id, generation)

    def _delete_objects(self, generation: int) -> None:
        store = self._storage.store
        try:
            found = store.list(self._storage.folder(self._workspace_id, generation))
            with ThreadPoolExecutor(_DELETE_CONCURRENCY, "lake-delete") as threads:
                for _ in threads.map(store.delete, [one.path for one in found]):
                    pass
        except StorageUnavailable as error:
            raise LakeUnavailable(
                f"The replaced tables of {self._url(generation)} cannot be deleted: {error}"
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


def _staged_elsewhere(workspace_id: str) -> LakeUnavailable:
    return LakeUnavailable(
        f"Another process rebuilds the tables of workspace {workspace_id}. Wait for it, or stop it "
        "and run the command again."
    )
