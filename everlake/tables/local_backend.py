"""Table backend in a directory, on the disks of one machine or on ones that all machines share."""

from pathlib import Path

from everlake.tables.backend import TableBackend
from everlake.tables.local_table_set import STAGING_FOLDER, LocalTableSet
from everlake.tables.local_version_store import LocalVersionStore
from everlake.tables.snapshot import Caches
from everlake.tables.spec import LAKE_FOLDER, TableSpec, workspace_folder


class LocalTableBackend(TableBackend):
    """Tables in ``<root>/lake/workspace=<id>/<table>.lance``, which any reader of Lance can open.

    Args:
        root: the directory of the storage.
        folder: the folder of the tables below it.
    """

    def __init__(self, root: Path, folder: str = LAKE_FOLDER) -> None:
        self._root = root
        self._folder = folder

    @staticmethod
    def staging_directory(root: Path) -> Path:
        """Return the directory of the staged sets of all workspaces."""
        return root / LAKE_FOLDER / STAGING_FOLDER

    def version_store(
        self, workspace_id: str, spec: TableSpec, caches: Caches
    ) -> LocalVersionStore:
        """See :meth:`everlake.tables.backend.TableBackend.version_store`."""
        table_set = self.table_set(workspace_id)
        return LocalVersionStore(workspace_id, spec, table_set, self._root, caches)

    def table_set(self, workspace_id: str) -> LocalTableSet:
        """See :meth:`everlake.tables.backend.TableBackend.table_set`."""
        return LocalTableSet(self._root / self._folder / workspace_folder(workspace_id))

    def staged(self) -> "LocalTableBackend":
        """See :meth:`everlake.tables.backend.TableBackend.staged`."""
        return LocalTableBackend(self._root, f"{self._folder}/{STAGING_FOLDER}")
