"""Table backend in a bucket of S3."""

from everlake.catalog import table_versions
from everlake.catalog.table_versions import GenerationsRow, TableVersion
from everlake.storage import StorageUnavailable
from everlake.tables.backend import TableBackend
from everlake.tables.errors import LakeUnavailable
from everlake.tables.s3_storage import S3TableStorage
from everlake.tables.s3_table_set import S3TableSet
from everlake.tables.s3_version_store import LeaseProvider, S3VersionStore
from everlake.tables.snapshot import Caches
from everlake.tables.spec import TableSpec, workspace_folder
from everlake.tables.types import TableLocation


class S3TableBackend(TableBackend):
    """Tables in ``<prefix>/lake/workspace=<id>/generation=<n>/<table>.lance``.

    Args:
        storage: the bucket and the catalog.
        lease_provider: the right to write the current tables; None where this process only reads.
        staging: whether the tables are those of the staged sets.
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
        """See :meth:`everlake.tables.backend.TableBackend.version_store`."""
        view = _StagedGeneration if self._staging else _ServingGeneration
        return S3VersionStore(
            self._storage.catalog,
            workspace_id,
            spec,
            view(self._storage, workspace_id),
            self._storage.staging_leases if self._staging else self._lease_provider,
            caches,
        )

    def table_set(self, workspace_id: str) -> S3TableSet:
        """See :meth:`everlake.tables.backend.TableBackend.table_set`."""
        return S3TableSet(self._storage, workspace_id, self._lease_provider)

    def staged(self) -> "S3TableBackend":
        """See :meth:`everlake.tables.backend.TableBackend.staged`."""
        return S3TableBackend(self._storage, self._lease_provider, staging=True)


class _GenerationView:
    """Tables of one generation of a workspace."""

    def __init__(self, storage: S3TableStorage, workspace_id: str) -> None:
        workspace_folder(workspace_id)  # raises for an id that cannot be part of a path
        self._storage = storage
        self._workspace_id = workspace_id

    def location(self, name: str, generation: int | None) -> TableLocation:
        folder = self._storage.folder(self._workspace_id, generation)
        return TableLocation(f"{self._storage.url}/{folder}/{name}.lance", self._storage.options)

    def has_files(self, name: str, generation: int) -> bool:
        folder = self._storage.folder(self._workspace_id, generation)
        versions = f"{folder}/{name}.lance/_versions"
        try:
            return next(iter(self._storage.store.list(versions)), None) is not None
        except StorageUnavailable as error:
            raise LakeUnavailable(
                f"The bucket of the lake's tables cannot be listed: {error}"
            ) from error

    def _row(self) -> GenerationsRow:
        with self._storage.catalog.autocommit() as tx:
            return table_versions.get_generations(tx, self._workspace_id)


class _ServingGeneration(_GenerationView):
    """Tables of the current set."""

    def head(self, name: str) -> TableVersion | None:
        with self._storage.catalog.autocommit() as tx:
            return table_versions.get_serving(tx, self._workspace_id, name)

    def generation(self) -> int:
        return self._row().serving


class _StagedGeneration(_GenerationView):
    """Tables of the staged set."""

    def head(self, name: str) -> TableVersion | None:
        building = self._row().building
        if building is None:
            return None
        with self._storage.catalog.autocommit() as tx:
            return table_versions.get(tx, self._workspace_id, name, building)

    def generation(self) -> int:
        building = self._row().building
        if building is None:
            raise LakeUnavailable(f"The workspace {self._workspace_id} has no staged tables.")
        return building


class _ReadOnlyLeases:
    """Leases of a process that only reads: none."""

    def lease(self, workspace_id: str) -> None:  # noqa: ARG002
        return None
