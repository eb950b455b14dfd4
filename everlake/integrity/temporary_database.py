"""A database for one piece of work: what does not fit into its memory goes to a disk for a while.

DuckDB sorts, groups and joins millions of rows in a bounded memory. Where record ids are
compared, they are UUIDs there: half the size of their texts.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from everlake.tables import arrow
from everlake.tables.errors import LakeError

MEMORY_LIMIT = "400MB"
_FETCH_ROWS = 10_000

RECORD_ID_AS_UUID = "coalesce(try_cast(record_id AS UUID), md5(record_id)::UUID)"
"""A record's id as UUID; one that cannot be a record's id becomes one that no record has."""


class TemporaryStorageFull(LakeError):
    """The temporary directory is full or cannot be written."""


class TemporaryDatabase:
    """Tables for a while. Made by :func:`scratch`. Every method may raise NoRoom."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
        self._connection = connection
        self._directory = directory

    def query(self, statement: str, parameters: object = None) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement, which is computed as they are taken."""
        try:
            # A cursor of its own, so that other statements may run while its rows are taken.
            result = self._connection.cursor().execute(statement, parameters)
            while rows := result.fetchmany(_FETCH_ROWS):
                yield from rows
        except duckdb.Error as error:
            raise self._storage_full(error) from error

    def execute(self, *statements: str) -> None:
        """Run statements for their effect."""
        try:
            for statement in statements:
                self._connection.execute(statement)
        except duckdb.Error as error:
            raise self._storage_full(error) from error

    def load(self, statement: str, rows: arrow.ArrowTable | arrow.ArrowBatch) -> None:
        """Run a statement that reads ``rows``, which it calls ``fresh``."""
        try:
            self._connection.register("fresh", rows)
            self._connection.execute(statement)
            self._connection.unregister("fresh")
        except duckdb.Error as error:
            raise self._storage_full(error) from error

    def _storage_full(self, error: duckdb.Error) -> TemporaryStorageFull:
        return TemporaryStorageFull(
            f"There is not room enough in memory and in {self._directory}: "
            f"{str(error).splitlines()[0]}. Make room, or let TMPDIR name a directory on a "
            "larger disk."
        )


@contextmanager
def temporary_database(directory: Path) -> Generator[TemporaryDatabase]:
    """A database in an empty directory, whose files are of no use after the block."""
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
