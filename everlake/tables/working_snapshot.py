"""Working snapshot: a version of a table that its methods change into the next one."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# Reason: pylance's annotations name pyarrow's types, and pyarrow has none.

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self

from lance.optimize import Compaction

from everlake.tables import arrow, full_text
from everlake.tables.lance_errors import lance_errors
from everlake.tables.snapshot import Snapshot, index_name
from everlake.tables.spec import IndexKind


class WorkingSnapshot(Snapshot):
    """A snapshot that is not shared with readers, since pylance changes its objects in place.

    Each method but :meth:`remove_old_versions` commits, and changes this snapshot into the new
    version. That version is not published yet.
    """

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Return a working snapshot of the same version."""
        return snapshot.reopen_as(cls)

    def add_columns(self, fields: Sequence[arrow.ArrowField]) -> None:
        """Add columns that are null in every row: no data file is written."""
        with lance_errors():
            self._dataset.add_columns(list(fields))

    def create_index(self, column: str, kind: IndexKind) -> None:
        """Build an index."""
        options = full_text.INDEX_OPTIONS if kind == "INVERTED" else {}
        with lance_errors():
            self._dataset.create_scalar_index(column, kind, name=index_name(column), **options)

    def extend_index(self, column: str, segments: int) -> None:
        """Merge rows outside the index and its newest ``segments`` segments into a new segment."""
        with lance_errors():
            self._dataset.optimize.optimize_indices(
                index_names=[index_name(column)], num_indices_to_merge=segments
            )

    def commit_compaction(self, rewrites: Sequence[Any]) -> int:
        """Commit a compaction; return how many fragments it replaced."""
        with lance_errors():
            return Compaction.commit(self._dataset, list(rewrites)).fragments_removed

    def remove_old_versions(
        self, older_than: timedelta, *, keep: int | None = None, unverified: bool = False
    ) -> int:
        """Remove old versions, and files that only they use; return how many versions.

        Args:
            older_than: age of the versions to remove.
            keep: keep this many of the newest, whatever their age.
            unverified: also delete files that no version uses; a writer may be writing some.
        """
        with lance_errors():
            return self._dataset.cleanup_old_versions(
                older_than=older_than, retain_versions=keep, delete_unverified=unverified
            ).old_versions

    def restore(self) -> None:
        """Commit this version again as the newest."""
        with lance_errors():
            self._dataset.restore()
