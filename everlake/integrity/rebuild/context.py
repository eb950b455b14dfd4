"""Context of a rebuild: what its steps share."""

from pathlib import Path

import msgspec

from everlake.catalog.database import Catalog
from everlake.integrity.rebuild.checkpoint import RebuildCheckpoint
from everlake.integrity.types import StepProgressCallback
from everlake.lake import Lake
from everlake.storage import ObjectStore
from everlake.tables.backend import TableSet
from everlake.tables.bulk_loader import BulkLoader


class RebuildContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the steps of a rebuild of one workspace share.

    Attributes:
        catalog: has the batches.
        store: the landing archive.
        lake: the tables that serve.
        staged_lake: the tables that are to replace them.
        table_set: swaps the two.
        workspace_id: the workspace.
        checkpoint: how far the rebuild is.
        report_progress: is called after each piece of work.
        temporary_directory: an empty directory for what does not fit into memory.
    """

    catalog: Catalog
    store: ObjectStore
    lake: Lake
    staged_lake: Lake
    table_set: TableSet
    workspace_id: str
    checkpoint: RebuildCheckpoint
    report_progress: StepProgressCallback
    temporary_directory: Path

    def save_checkpoint(self) -> None:
        """Save the checkpoint durably.

        Raises:
            StorageUnavailable, CatalogUnavailable, LakeUnavailable: it could not be written.
        """
        self.table_set.save_checkpoint(self.checkpoint.encode())


def bulk_loader(staged_lake: Lake, workspace_id: str) -> BulkLoader:
    """Return a loader for the staged tables of a workspace."""
    return BulkLoader(staged_lake.engine, staged_lake.registry, workspace_id)
