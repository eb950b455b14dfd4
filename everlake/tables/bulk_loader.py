"""Bulk loader: fills empty tables in large appends, and builds most indexes at the end.

Nothing is looked up or replaced, so each row is to be added once. Building a full-text index takes
longer than all the rest, and Lance uses few cores for it: it is built in the background, some
chunks at a time, while the next chunks are gathered.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

from everlake.tables.engine import TableEngine
from everlake.tables.maintenance import INDEX_SEGMENT_ROWS
from everlake.tables.registry import Registry
from everlake.tables.row_buffer import RowBuffer
from everlake.tables.table import Table

FULL_TEXT_SEGMENT_ROWS = INDEX_SEGMENT_ROWS["INVERTED"]
"""Rows of a segment of a full-text index, as many as maintenance puts into one."""

CHUNK_BYTES = 64 * 1024 * 1024
"""Bytes of all tables' rows in memory at which :meth:`BulkLoader.is_full`; each chunk becomes one
fragment a table."""


class BulkLoader:
    """Fills the tables of one workspace, for the length of a block.

    Rows are held in memory until :meth:`flush`. Every method may raise LakeUnavailable or
    LakeDamaged.
    """

    def __init__(self, engine: TableEngine, registry: Registry, workspace_id: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1)
        self._indexing: Future[None] | None = None
        self._tables: dict[str, Table] = {}
        self._buffers: dict[str, RowBuffer[Any]] = {}
        for table in registry:
            self._tables[table.name] = engine.table(workspace_id, table.spec)
            self._buffers[table.name] = RowBuffer(table.to_arrow, table.size_of)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()

    def table(self, name: str) -> Table:
        """Return a table, which holds the rows written by :meth:`flush`."""
        return self._tables[name]

    def add(self, name: str, rows: Sequence[Any]) -> None:
        """Add rows to the table of that name, in the form that its registry entry takes.

        None of them may be in the table already.

        Raises:
            ValueError: a value cannot be stored.
        """
        self._buffers[name].extend(rows)

    def is_full(self) -> bool:
        """Return whether it is time to :meth:`flush`."""
        return sum(buffer.size_bytes for buffer in self._buffers.values()) >= CHUNK_BYTES

    def flush(self) -> dict[str, int]:
        """Write all added rows durably; return the version of each table that holds them."""
        self._wait_for_indexing()
        versions: dict[str, int] = {}
        for name, buffer in self._buffers.items():
            rows = buffer.drain()
            with self._tables[name].writing() as writer:
                if rows is not None:
                    writer.append(rows)
                versions[name] = writer.snapshot.version
        self._indexing = self._executor.submit(self._extend_full_text_indexes)
        return versions

    def roll_back(self, versions: Mapping[str, int]) -> None:
        """Undo what was written after :meth:`flush` returned these versions."""
        for name, version in versions.items():
            with self._tables[name].writing() as writer:
                writer.restore(version)

    def build_indexes(self) -> Iterator[tuple[str, str]]:
        """Build what is missing of the indexes, each after yielding its table and column."""
        self._wait_for_indexing()
        for name, table in self._tables.items():
            for column in table.spec.indexes:
                yield name, column
                if column in table.spec.full_text_indexes:
                    _extend_index(table, column, min_rows=1)
                else:
                    with table.writing() as writer:
                        writer.create_index(column, table.spec.indexes[column])

    def remove_other_versions(self) -> None:
        """Delete all but the current version of each table. Nobody else may use the tables."""
        for table in self._tables.values():
            with table.writing() as writer:
                writer.remove_other_versions()

    def _extend_full_text_indexes(self) -> None:
        for table in self._tables.values():
            for column in table.spec.full_text_indexes:
                _extend_index(table, column, min_rows=FULL_TEXT_SEGMENT_ROWS)

    def _wait_for_indexing(self) -> None:
        if self._indexing is not None:
            self._indexing.result()


def _extend_index(table: Table, column: str, *, min_rows: int) -> None:
    """Add a segment of the rows outside the index, if there are at least ``min_rows``."""
    with table.writing() as writer:
        if writer.snapshot.index_state(column).unindexed_rows >= min_rows:
            writer.extend_index(column, 0)
