"""One rebuild: what it works with, and what becomes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from everlake.catalog.database import Catalog
from everlake.integrity.rebuild.checkpoint import RebuildCheckpoint
from everlake.integrity.types import IntegrityProblem
from everlake.lake import Lake
from everlake.storage import ObjectStore
from everlake.tables.backend import TableSet

StepProgressCallback: TypeAlias = Callable[[str, int, int | None], None]
"""Told what is being done, how many records of it are done, and of how many if that is known."""


class RebuildContext(msgspec.Struct, frozen=True, kw_only=True):
    """``staged`` is the lake whose tables are to take the place of ``lake``'s.

    ``scratch`` is an empty directory for what does not fit into memory.
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
        """Write the notes down.

        Raises:
            StorageUnavailable, CatalogUnavailable, LakeUnavailable: they could not be written.
        """
        self.table_set.save_checkpoint(self.checkpoint.encode())


class RebuildResult(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a workspace's new tables hold, and what they could not be made to hold.

    ``kept`` is where the old tables are, when they held what the new ones do not.
    """

    workspace_id: str
    records: int
    utterances: int
    problems: list[IntegrityProblem]
    kept: str | None = None
