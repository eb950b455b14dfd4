"""SQL over the tables of one workspace, with DuckDB. It reads them and nothing else.

The engine is shut in twice: it takes only a statement that reads, and its configuration, locked
before it sees one, keeps it from files, network and extensions.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import duckdb
from duckdb import DuckDBPyConnection, StatementType

from everlake.export.errors import SqlError
from everlake.lake import Lake
from everlake.tables.arrow_dataset import TableDataset
from everlake.tables.conditions import literal

TextRow: TypeAlias = tuple[str | None, ...]

MEMORY_LIMIT = "50%"
"""Of the machine's memory; what needs more goes to the directory for it."""

_OUT_OF_MEMORY = (
    f"The query needs more than {MEMORY_LIMIT} of the memory, and the temporary directory cannot take "
    "the rest. Ask for fewer rows or columns, or let TMPDIR name a larger disk."
)

_FETCH_ROWS = 64
"""Rows taken over at a time: a row may weigh megabytes."""

_READ_STATEMENTS = "SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE and SHOW"
_NESTED_TYPES = ("STRUCT(", "MAP(", "UNION(")
_TIMESTAMP_TYPE = "TIMESTAMP WITH TIME ZONE"
_FLOAT_TYPES = ("FLOAT", "DOUBLE")


@contextmanager
def open_sql(lake: Lake, workspace_id: str, spill_directory: Path) -> Generator["SqlSession"]:
    """A session over the workspace's tables, as they are now, for the length of a block.

    Args:
        spill_directory: an empty directory for what does not fit in memory; statements can read it.

    Raises:
        LakeUnavailable, LakeDamaged: a table cannot be opened.
    """
    scans = {table.spec.name: TableDataset(table) for table in lake.engine.tables(workspace_id)}
    connection = duckdb.connect(
        ":memory:",
        config={
            "enable_external_access": "false",
            "autoload_known_extensions": "false",
            "autoinstall_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(spill_directory),
        },
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")  # it would go to standard output
        for name, scan in scans.items():
            connection.register(name, scan)
        connection.execute("SET lock_configuration = true")
        yield SqlSession(connection, scans)
    finally:
        connection.close()


class SqlSession:
    """An engine that knows one workspace's tables. Made by :func:`open_sql`."""

    def __init__(
        self, connection: DuckDBPyConnection, datasets: Mapping[str, TableDataset]
    ) -> None:
        self._connection = connection
        self._datasets = datasets

    def query(self, text: str) -> "SqlResult":
        """The answer to one statement, not yet computed.

        Raises:
            SqlError: it is not one statement that reads, or it has a mistake.
        """
        with self._sql_errors(text):
            statements = self._connection.extract_statements(text)
            if len(statements) != 1 or statements[0].type != StatementType.SELECT:
                raise SqlError(
                    f"One statement at a time, and one that reads: {_READ_STATEMENTS} do."
                )
            bound = self._connection.sql(statements[0])
            types = [str(kind) for kind in bound.types]
            return SqlResult(self, bound.sql_query(), bound.columns, types)

    def fetch(self, text: str) -> Generator[list[TextRow]]:
        """The rows of a statement whose columns are text, some at a time. For answers: it is not
        looked at any more.

        Raises:
            SqlError: it cannot be computed.
            LakeUnavailable, LakeDamaged: a table cannot be read.
        """
        with self._sql_errors():
            result = self._connection.execute(text)
            while rows := result.fetchmany(_FETCH_ROWS):
                yield rows

    @contextmanager
    def _sql_errors(self, statement: str = "") -> Generator[None]:
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            raise SqlError(_OUT_OF_MEMORY) from error
        except duckdb.Error as error:
            for scan in self._datasets.values():
                if scan.failure is not None:
                    raise scan.failure from error
            raise SqlError(_single_line(str(error), statement)) from error


class SqlResult:
    """What a statement gives: its columns, and its rows in one of two forms, read once.

    Instants are RFC 3339 in UTC. A text is as it stands in the table, so ``data`` is byte for
    byte the sender's.
    """

    def __init__(
        self, session: SqlSession, query: str, columns: Sequence[str], types: Sequence[str]
    ) -> None:
        self.columns = list(columns)
        self._session = session
        self._types = types
        self._names = [f"c{index}" for index in range(len(columns))]
        # On lines of its own, because the query may end in a comment.
        self._source = f"(\n{query}\n) AS answer ({', '.join(self._names)})"

    def text_rows(self) -> Generator[list[TextRow]]:
        """Rows as text, some at a time; lists, structs and maps are JSON, NULL is None.

        Raises:
            SqlError: the statement cannot be computed.
            LakeUnavailable, LakeDamaged: a table cannot be read.
        """
        cells = [_text_expression(*column) for column in zip(self._names, self._types, strict=True)]
        return self._fetch(", ".join(cells))

    def json_rows(self) -> Generator[list[str]]:
        """Rows as JSON objects, some at a time; a column called like an earlier one gets a number.

        Raises:
            SqlError: the statement cannot be computed.
            LakeUnavailable, LakeDamaged: a table cannot be read.
        """
        members = ", ".join(
            f"{literal(key)}, {_json_expression(name, kind)}"
            for key, name, kind in zip(
                _unique_names(self.columns), self._names, self._types, strict=True
            )
        )
        for rows in self._fetch(f"json_object({members})::VARCHAR"):
            yield [text for (text,) in rows if text is not None]

    def _fetch(self, cells: str) -> Generator[list[TextRow]]:
        # The statement inside is whole and has been read as one already.
        return self._session.fetch(f"SELECT {cells} FROM {self._source}")  # noqa: S608


def _text_expression(name: str, kind: str) -> str:
    if kind == _TIMESTAMP_TYPE:
        return _format_timestamp(name)
    nested = kind.endswith("]") or kind.startswith(_NESTED_TYPES)
    return f"to_json({name})::VARCHAR" if nested else f"{name}::VARCHAR"


def _json_expression(name: str, kind: str) -> str:
    if kind == _TIMESTAMP_TYPE:
        return _format_timestamp(name)
    # JSON knows no number that is not one.
    return f"CASE WHEN isfinite({name}) THEN {name} END" if kind in _FLOAT_TYPES else name


def _format_timestamp(name: str) -> str:
    return rf"regexp_replace({name}::VARCHAR, '^(\S+) (\S+)\+00$', '\1T\2Z')"


def _unique_names(columns: Sequence[str]) -> list[str]:
    taken: dict[str, None] = {}
    for column in columns:
        name, number = column, 0
        while name in taken:
            number += 1
            name = f"{column}_{number}"
        taken[name] = None
    return list(taken)


def _single_line(message: str, statement: str) -> str:
    """The engine's message without its drawing of the place, of which the line is told."""
    said, _, place = message.partition("\n\nLINE ")
    line = re.match(r"\d+", place)
    where = f" (line {line[0]})" if line and "\n" in statement.strip() else ""
    return " ".join(said.split()) + where
