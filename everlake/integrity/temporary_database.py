"""Temporary database: DuckDB with bounded memory, which spills to a directory.

It sorts, groups and joins millions of rows. Record ids are UUIDs there, half the size of their
texts.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from everlake.integrity.errors import TemporaryStorageFull
from everlake.tables import arrow

MEMORY_LIMIT = "400MB"
_FETCH_ROWS = 10_000

LOAD_ROWS = 500
"""Rows to gather for one :meth:`TemporaryDatabase.load`."""

RECORD_ID_AS_UUID = "coalesce(try_cast(record_id AS UUID), md5(record_id)::UUID)"
"""SQL expression for a record's id as UUID; a text that is no record id gets one of its own."""


class TemporaryDatabase:
    """A database that lasts for one operation; opened by :func:`temporary_database`.

    Every method may raise TemporaryStorageFull.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
        self._connection = connection
        self._directory = directory

    def query(self, statement: str, parameters: object = None) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a statement, which DuckDB computes as they are consumed."""
        try:
            # A cursor of its own, so that other statements may run while rows are consumed.
            result = self._connection.cursor().execute(statement, parameters)
            while rows := result.fetchmany(_FETCH_ROWS):
                yield from rows
        except duckdb.Error as error:
            raise self._storage_full(error) from error

    def execute(self, *statements: str) -> None:
        """Run statements that return no rows."""
        try:
            for statement in statements:
                self._connection.execute(statement)
        except duckdb.Error as error:
            raise self._storage_full(error) from error

    def load(self, statement: str, rows: arrow.ArrowTable | arrow.ArrowBatch) -> None:
        """Run a statement that reads ``rows`` under the table name ``fresh``."""
        try:
            self._connection.register("fresh", rows)
            self._connection.execute(statement)
            self._connection.unregister("fresh")
        except duckdb.Error as error:
            raise self._storage_full(error) from error

    def _storage_full(self, error: duckdb.Error) -> TemporaryStorageFull:
        return TemporaryStorageFull(
            f"Memory and the disk of {self._directory} are not enough: "
            f"{str(error).splitlines()[0]}. Free disk space, or set TMPDIR to a directory on a "
            "larger disk."
        )


@contextmanager
def temporary_database(directory: Path) -> Generator[TemporaryDatabase]:
    """Open a database in an empty directory, and delete its files after the block."""
    connection = duckdb.connect(
        str(directory / "scratch.duckdb"),
        config={
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(directory),
            "preserve_insertion_order": "false",
            "autoload_known_extensions": "false",
            "autoinstall_known_extensions": "false",
        },
    )
    try:
        yield TemporaryDatabase(connection, directory)
    finally:
        connection.close()
        for file in directory.glob("scratch.duckdb*"):
            file.unlink()
