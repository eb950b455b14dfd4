"""Rows that are gathered one by one and turned into Arrow's form many at a time."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from everlake.lake import arrow

_PORTION_ROWS = 4_096
_PORTION_BYTES = 8 * 1024 * 1024

R = TypeVar("R")


class Pile(Generic[R]):
    """Rows of one table.

    Args:
        make: turns rows into a table.
        weigh: about how many bytes a row holds.
    """

    def __init__(
        self, make: Callable[[Sequence[R]], arrow.Table], weigh: Callable[[R], int]
    ) -> None:
        self._make = make
        self._weigh = weigh
        self._rows: list[R] = []
        self._weight = 0
        self._tables: list[arrow.Table] = []
        self._table_bytes = 0

    @property
    def bytes(self) -> int:
        """About how much memory all of it takes."""
        return self._table_bytes + self._weight

    def add(self, rows: Sequence[R]) -> None:
        """Put rows on top."""
        self._rows += rows
        self._weight += sum(map(self._weigh, rows))
        if len(self._rows) >= _PORTION_ROWS or self._weight >= _PORTION_BYTES:
            self._convert()

    def take(self) -> arrow.Table | None:
        """All of the rows, in order, which are then no more here; None where there are none."""
        self._convert()
        if not self._tables:
            return None
        rows = arrow.concatenate(self._tables)
        self._tables, self._table_bytes = [], 0
        return rows

    def _convert(self) -> None:
        if self._rows:
            rows = self._make(self._rows)
            self._rows, self._weight = [], 0
            if rows.num_rows:
                self._tables.append(rows)
                self._table_bytes += rows.nbytes
