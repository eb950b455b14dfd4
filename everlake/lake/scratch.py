"""A database for one piece of work: what does not fit into its memory goes to a disk for a while.

DuckDB sorts, groups and joins millions of rows in a bounded memory. Where record ids are
compared, they are UUIDs there: half the size of their texts.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from everlake.lake import arrow
from everlake.lake.errors import LakeError

MEMORY = "400MB"
_ROWS = 10_000

RECORD_ID = "coalesce(try_cast(record_id AS UUID), md5(record_id)::UUID)"
"""A record's id as UUID; one that cannot be a record's id becomes one that no record has."""


class NoRoom(LakeError):
    """The temporary directory is full or cannot be written."""


class Scratch:
    """Tables for a while. Made by :func:`scratch`. Every method may raise NoRoom."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
        self._connection = connection
        self._directory = directory

    def run(self, statement: str, parameters: object = None) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement, which is computed as they are taken."""
        try:
            # A cursor of its own, so that other statements may run while its rows are taken.
            result = self._connection.cursor().execute(statement, parameters)
            while rows := result.fetchmany(_ROWS):
                yield from rows
        except duckdb.Error as error:
            raise self._explained(error) from error

    def do(self, *statements: str) -> None:
        """Run statements for their effect."""
        try:
            for statement in statements:
                self._connection.execute(statement)
        except duckdb.Error as error:
            raise self._explained(error) from error

    def take(self, statement: str, rows: arrow.Table | arrow.Batch) -> None:
        """Run a statement that reads ``rows``, which it calls ``fresh``."""
        try:
            self._connection.register("fresh", rows)
            self._connection.execute(statement)
            self._connection.unregister("fresh")
        except duckdb.Error as error:
            raise self._explained(error) from error

    def _explained(self, error: duckdb.Error) -> NoRoom:
        return NoRoom(
            f"There is not room enough in memory and in {self._directory}: "
            f"{str(error).splitlines()[0]}. Make room, or let TMPDIR name a directory on a "
            "larger disk."
        )


@contextmanager
def scratch(directory: Path) -> Generator[Scratch]:
    """A database in an empty directory, whose files are of no use after the block."""
    connection = duckdb.connect(
        str(directory / "scratch.duckdb"),
        config={
            "memory_limit": MEMORY,
            "temp_directory": str(directory),
            "preserve_insertion_order": "false",
            "autoload_known_extensions": "false",
            "autoinstall_known_extensions": "false",
        },
    )
    try:
        yield Scratch(connection, directory)
    finally:
        connection.close()
        for file in directory.glob("scratch.duckdb*"):
            file.unlink()
