"""Turns: the values of an indexed column for which something is due, in a circle.

Each value is found by two steps into an index, however many rows it has.
"""

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, Table, TextClause, text

_PAGE_VALUES = 64
"""Values that one statement finds. Most claims need only the first few."""


class Turns:
    """Finds whose turn it is among the rows of a queue.

    Args:
        table: the queue, with an index over the columns of ``among``, ``column`` and ``due_at``.
        column: has the values that take turns.
        among: condition on the columns before ``column`` in the index, in SQL.
        due: condition of rows that are due, likewise.
    """

    def __init__(self, table: Table, column: str, among: str, due: str = "due_at <= :now") -> None:
        self._first = _statement(table.name, column, among, due, f"{column} >= ''")
        self._next = _statement(table.name, column, among, due, f"{column} > :after")

    def after(self, tx: Connection, last: str | None, **given: Any) -> Iterator[str]:
        """Yield each value with a row that is due, once, beginning with the one after ``last``.

        Args:
            last: the value that had the last turn; None before the first turn.
            **given: ``now`` in Unix milliseconds, and the parameters of ``among``.
        """
        if last is not None:
            yield from self._pages(tx, last, given)
        rest = self._pages(tx, None, given)
        yield from rest if last is None else takewhile(lambda value: value <= last, rest)

    def _pages(self, tx: Connection, after: str | None, given: dict[str, Any]) -> Iterator[str]:
        while True:
            statement = self._first if after is None else self._next
            position = {} if after is None else {"after": after}
            found = tx.execute(statement, {**given, **position, "most": _PAGE_VALUES})
            page = list(found.scalars())
            yield from page
            if len(page) < _PAGE_VALUES:
                return
            after = page[-1]


def _statement(table: str, column: str, among: str, due: str, first: str) -> TextClause:
    return text(  # all parts are constants of modules
        f"""
        WITH RECURSIVE found(value) AS (
            SELECT (SELECT min({column}) FROM {table} WHERE {among} AND {first})
            UNION ALL
            SELECT (SELECT min({column}) FROM {table} WHERE {among} AND {column} > found.value)
            FROM found WHERE found.value IS NOT NULL
        )
        SELECT value FROM found
        WHERE value IS NOT NULL AND EXISTS (
            SELECT 1 FROM {table} WHERE {among} AND {column} = found.value AND {due}
        )
        LIMIT :most
        """  # noqa: S608
    )
