"""Read-only SQL over the tables of one workspace, with DuckDB.

Two barriers keep a statement from everything else: only statements that read are accepted, and the
engine's configuration, locked before the first one, forbids files, network and extensions.
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
"""Share of the machine's memory; larger intermediate results go to the temporary directory."""

_OUT_OF_MEMORY = (
    f"The query needs more than {MEMORY_LIMIT} of the memory, and the temporary directory is too "
    "small for the rest. Select fewer rows or columns, or set TMPDIR to a larger disk."
)

_FETCH_ROWS = 64
"""Rows fetched at a time: a row may have megabytes."""

_READ_STATEMENTS = "SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE and SHOW"
_NESTED_TYPES = ("STRUCT(", "MAP(", "UNION(")
_TIMESTAMP_TYPE = "TIMESTAMP WITH TIME ZONE"
_FLOAT_TYPES = ("FLOAT", "DOUBLE")


@contextmanager
def open_sql(lake: Lake, workspace_id: str, spill_directory: Path) -> Generator["SqlSession"]:
    """Yield a session over the current versions of the workspace's tables.

    Args:
        lake: the tables.
        workspace_id: the workspace.
        spill_directory: an empty directory for intermediate results that do not fit in memory.
            Statements can read its files.

    Raises:
        LakeUnavailable, LakeDamaged: a table cannot be opened.
    """
    tables = lake.engine.tables(workspace_id)
    datasets = {table.spec.name: TableDataset(table) for table in tables}
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
        connection.execute("SET enable_progress_bar = false")  # it is printed on standard output
        for name, dataset in datasets.items():
            connection.register(name, dataset)
        connection.execute("SET lock_configuration = true")
        yield SqlSession(connection, datasets)
    finally:
        connection.close()


class SqlSession:
    """Session over the tables of one workspace. Made by :func:`open_sql`."""

    def __init__(
        self, connection: DuckDBPyConnection, datasets: Mapping[str, TableDataset]
    ) -> None:
        self._connection = connection
        self._datasets = datasets

    def query(self, text: str) -> "SqlResult":
        """Check a statement and return its result, which is computed when its rows are read.

        Raises:
            SqlError: it is not a single statement that reads, or it is invalid.
        """
        with self._sql_errors(text):
            statements = self._connection.extract_statements(text)
            if len(statements) != 1 or statements[0].type != StatementType.SELECT:
                raise SqlError(
                    f"Only a single statement that reads is accepted: {_READ_STATEMENTS}."
                )
            bound = self._connection.sql(statements[0])
            types = [str(kind) for kind in bound.types]
            return SqlResult(self, bound.sql_query(), bound.columns, types)

    def fetch(self, text: str) -> Generator[list[TextRow]]:
        """Yield the rows of a statement whose columns are text, in chunks.

        The statement is not checked: it is made by :class:`SqlResult` from one that was.

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
            for dataset in self._datasets.values():
                if dataset.failure is not None:
                    raise dataset.failure from error
            raise SqlError(_single_line(str(error), statement)) from error


class SqlResult:
    """Result of a statement: its columns, and its rows in one of two forms, which are read once.

    Times are RFC 3339 in UTC. Texts are unchanged, so ``data`` is byte for byte the sender's.
    """

    def __init__(
        self, session: SqlSession, query: str, columns: Sequence[str], types: Sequence[str]
    ) -> None:
        self.columns = list(columns)
        self._session = session
        self._types = types
        self._names = [f"c{index}" for index in range(len(columns))]
        # The query has lines of its own, because it may end in a comment.
        self._source = f"(\n{query}\n) AS answer ({', '.join(self._names)})"

    def text_rows(self) -> Generator[list[TextRow]]:
        """Yield rows as texts, in chunks; lists, structs and maps are JSON, NULL is None.

        Raises:
            SqlError: the statement cannot be computed.
            LakeUnavailable, LakeDamaged: a table cannot be read.
        """
        cells = [_text_expression(*column) for column in zip(self._names, self._types, strict=True)]
        return self._fetch(", ".join(cells))

    def json_rows(self) -> Generator[list[str]]:
        """Yield rows as JSON objects, in chunks; a repeated column name gets a number.

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
        # The engine has parsed the inner statement as a single one.
        return self._session.fetch(f"SELECT {cells} FROM {self._source}")  # noqa: S608


def _text_expression(name: str, kind: str) -> str:
    if kind == _TIMESTAMP_TYPE:
        return _format_timestamp(name)
    nested = kind.endswith("]") or kind.startswith(_NESTED_TYPES)
    return f"to_json({name})::VARCHAR" if nested else f"{name}::VARCHAR"


def _json_expression(name: str, kind: str) -> str:
    if kind == _TIMESTAMP_TYPE:
        return _format_timestamp(name)
    # JSON has neither infinity nor NaN.
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
    """Return the engine's message on one line, with the line number in place of its excerpt."""
    text, _, excerpt = message.partition("\n\nLINE ")
    line = re.match(r"\d+", excerpt)
    where = f" (line {line[0]})" if line and "\n" in statement.strip() else ""
    return " ".join(text.split()) + where
