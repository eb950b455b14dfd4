"""Row buffer: rows are added one by one and converted to Arrow many at a time."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from everlake.tables import arrow

_CHUNK_ROWS = 4_096
_CHUNK_BYTES = 8 * 1024 * 1024

R = TypeVar("R")


class RowBuffer(Generic[R]):
    """Rows of one table, held in memory.

    Args:
        to_arrow: converts rows to an Arrow table.
        size_of: about how many bytes of memory a row takes.
    """

    def __init__(
        self, to_arrow: Callable[[Sequence[R]], arrow.ArrowTable], size_of: Callable[[R], int]
    ) -> None:
        self._to_arrow = to_arrow
        self._size_of = size_of
        self._rows: list[R] = []
        self._rows_bytes = 0
        self._tables: list[arrow.ArrowTable] = []
        self._table_bytes = 0

    @property
    def size_bytes(self) -> int:
        """About how many bytes of memory all rows take."""
        return self._table_bytes + self._rows_bytes

    def extend(self, rows: Sequence[R]) -> None:
        """Add rows at the end."""
        self._rows += rows
        self._rows_bytes += sum(map(self._size_of, rows))
        if len(self._rows) >= _CHUNK_ROWS or self._rows_bytes >= _CHUNK_BYTES:
            self._convert()

    def drain(self) -> arrow.ArrowTable | None:
        """Remove and return all rows, in order; None when there are none."""
        self._convert()
        if not self._tables:
            return None
        rows = arrow.concatenate(self._tables)
        self._tables, self._table_bytes = [], 0
        return rows

    def _convert(self) -> None:
        if self._rows:
            rows = self._to_arrow(self._rows)
            self._rows, self._rows_bytes = [], 0
            if rows.num_rows:
                self._tables.append(rows)
                self._table_bytes += rows.nbytes
