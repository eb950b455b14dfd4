"""Table engine: the tables of all workspaces, and what is done to each of them alike."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from everlake.tables.backend import TableBackend, TableSet
from everlake.tables.errors import LakeUnavailable
from everlake.tables.maintenance import maintain_table
from everlake.tables.snapshot import new_caches
from everlake.tables.spec import TableSpec
from everlake.tables.table import Table
from everlake.tables.types import MaintenanceStep


class TableEngine:
    """Opens and maintains the tables of a backend. Threads may share it.

    Methods raise LakeUnavailable (try again later) or LakeDamaged (the message says what to do),
    and ValueError for a workspace id that cannot be part of a path.

    Args:
        backend: where the tables are.
        specs: the tables of a workspace, in the order in which a writer locks them.
        is_expected: whether a table of a workspace must exist, since batches are in it.
    """

    def __init__(
        self,
        backend: TableBackend,
        specs: Sequence[TableSpec],
        is_expected: Callable[[str, TableSpec], bool],
    ) -> None:
        self._is_expected = is_expected
        self._backend = backend
        self._specs = specs
        self._caches = new_caches()
        self._tables: dict[tuple[str, str], Table] = {}
        self._lock = threading.Lock()

    def table(self, workspace_id: str, spec: TableSpec) -> Table:
        """Return a table of the workspace, which need not exist yet."""
        key = (workspace_id, spec.name)
        table = self._tables.get(key)
        if table is None:
            versions = self._backend.version_store(workspace_id, spec, self._caches)
            with self._lock:
                made = Table(
                    spec, versions, workspace_id, partial(self._is_expected, workspace_id, spec)
                )
                table = self._tables.setdefault(key, made)
        return table

    def tables(self, workspace_id: str) -> list[Table]:
        """Return all tables of the workspace, in lock order; some may not exist yet."""
        return [self.table(workspace_id, spec) for spec in self._specs]

    def table_set(self, workspace_id: str) -> TableSet:
        """Return the workspace's set of tables, which can be replaced as a whole."""
        return self._backend.table_set(workspace_id)

    def check_present(self, workspace_id: str) -> None:
        """Check that every table of the workspace that batches are in is there.

        Raises:
            LakeDamaged: one is missing.
        """
        for table in self.tables(workspace_id):
            table.check_present()

    @contextmanager
    def exclusive(self, workspace_id: str) -> Generator[None]:
        """Keep all other writers away from the workspace's tables, which stay readable.

        Raises:
            LakeUnavailable: another writer held one of them for too long.
        """
        with ExitStack() as stack:
            for table in self.tables(workspace_id):
                stack.enter_context(table.exclusive())
            yield

    def maintain(self, workspace_id: str) -> list[MaintenanceStep]:
        """Compact fragments, extend indexes and remove old versions, where it pays.

        Each step takes the table's lock anew, so other threads write in between. The process that
        writes the workspace calls this every few seconds. Tables that a rebuild has replaced are
        removed too.
        """
        self._remove_replaced_tables(workspace_id)
        return [
            step
            for table in self.tables(workspace_id)
            if table.exists()
            for step in maintain_table(table)
        ]

    def has_unpublished_versions(self, workspace_id: str) -> bool:
        """Return whether a table has a version that its writer has not published.

        That writer died, or it is still at work.
        """
        return any(table.has_unpublished_versions() for table in self.tables(workspace_id))

    def repair(self, workspace_id: str) -> None:
        """Set unpublished versions aside, as the next write to each table would."""
        for table in self.tables(workspace_id):
            if table.has_unpublished_versions():
                with table.writing():
                    pass

    def _remove_replaced_tables(self, workspace_id: str) -> None:
        table_set = self.table_set(workspace_id)
        try:
            table_set.remove_replaced()
        except OSError as error:
            raise LakeUnavailable(
                f"The replaced tables of {table_set.uri} cannot be removed: {error}. Check the "
                "disk's health and permissions."
            ) from error
