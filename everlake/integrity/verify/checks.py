"""Checks of derived tables against the archive, generated from their specifications."""
# ruff: noqa: S608 - the statements are built from names of tables in the registry

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from everlake.contract.record_identity import LINE_BITS
from everlake.integrity.temporary_database import TemporaryDatabase
from everlake.integrity.verify.compared_table import ComparedTable
from everlake.integrity.verify.types import Finding, TableCheck
from everlake.tables import arrow
from everlake.tables.spec import WriteMode

_SEQUENCE = f">> {LINE_BITS}"
"""After a version: the sequence of its batch."""

_CREATE_EXPECTED = f"""
    CREATE OR REPLACE TABLE expected AS
    SELECT a.id, max(a.version) AS version
    FROM archive a JOIN batches b ON b.sequence = a.version {_SEQUENCE}
    WHERE b.landed GROUP BY a.id
"""
"""The records that have landed, with the version that must be in the table of records."""


class TableChecks:
    """The checks of all tables, over the tables of a comparison database.

    Args:
        database: the comparison database.
        tables: the derived tables; the first of mode LATEST is the table of records.
    """

    def __init__(self, database: TemporaryDatabase, tables: Sequence[ComparedTable]) -> None:
        self._database = database
        self._tables = tables
        records = next(table for table in tables if table.spec.mode is WriteMode.LATEST)
        self.checks: list[TableCheck] = [
            check for table in tables for check in _checks(table, records)
        ]

    def run(self, readable_tables: AbstractSet[str]) -> None:
        """Run the checks that need no look at the archive, and forget what was found before.

        Args:
            readable_tables: names of the derived tables that could be read.
        """
        self._database.execute(
            "CREATE OR REPLACE TABLE wrong (check_number INTEGER, id UUID, version BIGINT)",
            _CREATE_EXPECTED,
        )
        for table in self._tables:
            if table.spec.mode is WriteMode.REPLACE:
                self._database.execute(_create_versions(table))
        for number, check in enumerate(self.checks):
            if not check.needs_contribution and readable_tables >= set(check.reads):
                self._database.execute(
                    f"INSERT INTO wrong SELECT DISTINCT {number}, id, version FROM ({check.query})"
                )

    def candidates(self, check: TableCheck) -> Iterator[int]:
        """Yield the versions, in order, that are wrong if rows can be derived from them."""
        for (version,) in self._database.query(
            f"SELECT version FROM ({check.query}) ORDER BY version"
        ):
            yield version

    def add_wrong(self, check: TableCheck, versions: Sequence[int]) -> None:
        """Add some of the :meth:`candidates` to what was found."""
        self._database.load(
            f"INSERT INTO wrong SELECT {self.checks.index(check)}, a.id, a.version"
            " FROM archive a JOIN fresh ON fresh.version = a.version",
            arrow.from_columns({"version": versions}),
        )

    def suspect_record_ids(self, limit: int) -> list[str]:
        """Return the ids of records that are wrong."""
        ids = f"SELECT DISTINCT replace(id::VARCHAR, '-', '') FROM wrong LIMIT {limit}"
        return [record_id for (record_id,) in self._database.query(ids)]

    def findings(self) -> Iterator[Finding]:
        """Yield what was found, by the sequence of the batch."""
        found = self._database.query(
            f"SELECT version {_SEQUENCE} AS sequence, check_number, count(*),"
            " min(replace(id::VARCHAR, '-', '')) FROM wrong GROUP BY ALL"
            " ORDER BY sequence, check_number"
        )
        for sequence, number, count, example in found:
            check = self.checks[int(number)]
            yield Finding(check=check, sequence=sequence, count=count, example=example)


def _checks(table: ComparedTable, records: ComparedTable) -> list[TableCheck]:
    match table.spec.mode:
        case WriteMode.LATEST:
            return _latest_checks(table)
        case WriteMode.APPEND:
            return _append_checks(table)
        case WriteMode.REPLACE:
            return _replace_checks(table, records)


def _latest_checks(table: ComparedTable) -> list[TableCheck]:
    name = table.spec.name
    return [
        TableCheck(
            table=name,
            message=f"{{count}} of its records are not in the table {name}",
            query=f"FROM expected ANTI JOIN {table.rows} USING (id)",
            reads=(name,),
            is_missing_rows=True,
        ),
        TableCheck(
            table=name,
            message=f"{{count}} of its records are in the table {name} in an earlier version",
            query=f"""
                SELECT e.id, e.version FROM expected e JOIN {table.rows} r ON r.id = e.id
                WHERE r.version < e.version
            """,
            reads=(name,),
        ),
        TableCheck(
            table=name,
            message=f"{{count}} of its records are in the table {name} more than once",
            query=f"""
                SELECT id, max(version) AS version FROM {table.rows}
                GROUP BY id HAVING count(*) > 1
            """,
            reads=(name,),
        ),
        TableCheck(
            table=name,
            message=(
                f"{{count}} of its records are not in the table {name} as they are in the archive"
            ),
            query=f"""
                SELECT r.id, r.version FROM {table.rows} r
                JOIN archive a ON a.id = r.id AND a.version = r.version
                WHERE r.fields <> a.{table.archive_hash}
            """,
            reads=(name,),
        ),
        _unknown_rows_check(table, table.rows, "a.id = r.id AND a.version = r.version"),
    ]


def _append_checks(table: ComparedTable) -> list[TableCheck]:
    name = table.spec.name
    return [
        TableCheck(
            table=name,
            message=f"{{count}} of its records are not in the table {name}",
            query=f"""
                SELECT a.id, a.version FROM archive a
                JOIN batches b ON b.sequence = a.version {_SEQUENCE}
                ANTI JOIN {table.rows} r ON {_same_row(table)}
                WHERE b.landed
            """,
            reads=(name,),
            is_missing_rows=True,
        ),
        _unknown_rows_check(table, table.rows, _same_row(table)),
    ]


def _replace_checks(table: ComparedTable, records: ComparedTable) -> list[TableCheck]:
    name = table.spec.name
    # The batch's state in which its rows must be there.
    is_due = "b.landed" if table.spec.analysis_version is None else "b.complete"
    current_records = f"""
        {records.rows} c JOIN batches b ON b.sequence = c.version {_SEQUENCE} AND {is_due}
    """
    return [
        TableCheck(
            table=name,
            message=(
                f"the rows of {{count}} of its records in the table {name} are incomplete or "
                "duplicated"
            ),
            query=f"FROM {table.versions} WHERE NOT is_complete",
            reads=(name,),
        ),
        TableCheck(
            table=name,
            message=(
                f"the table {name} has rows of {{count}} of its records that another version of "
                "the analysis made"
            ),
            query=f"FROM {table.versions} WHERE NOT is_current",
            reads=(name,),
        ),
        _unknown_rows_check(table, table.versions, _same_row(table)),
        TableCheck(
            table=name,
            message=f"the table {name} has rows of an earlier version of {{count}} of its records",
            query=f"""
                SELECT c.id, c.version FROM {current_records}
                JOIN {table.versions} r ON r.id = c.id AND r.version < c.version
            """,
            reads=(records.spec.name, name),
        ),
        TableCheck(
            table=name,
            message=f"the rows of {{count}} of its records are not in the table {name}",
            # Rows of attachments do not count, since the archive does not have their texts.
            query=f"""
                SELECT c.version FROM {current_records}
                JOIN archive a ON a.id = c.id AND a.version = c.version
                ANTI JOIN (FROM {table.versions} WHERE own) r
                    ON r.id = c.id AND r.version >= c.version
            """,
            reads=(records.spec.name, name),
            is_missing_rows=True,
            needs_contribution=True,
        ),
    ]


def _unknown_rows_check(table: ComparedTable, rows: str, same: str) -> TableCheck:
    """Return the check for rows that no record of the archive explains.

    Args:
        table: the derived table.
        rows: table of the comparison database with its rows.
        same: condition that a row ``r`` is that of the record ``a`` of the archive.
    """
    name = table.spec.name
    return TableCheck(
        table=name,
        message=(
            f"the table {name} has {{count}} records of it that its landing object does not have"
        ),
        query=f"""
            SELECT r.id, r.version FROM {rows} r
            ANTI JOIN archive a ON {same}
            ANTI JOIN unreadable u ON u.sequence = r.version {_SEQUENCE}
        """,
        reads=(name,),
        suspects_archive=True,
    )


def _same_row(table: ComparedTable) -> str:
    return f"a.id = r.id AND a.version = r.version AND a.{table.archive_hash} = r.fields"


def _create_versions(table: ComparedTable) -> str:
    """Return the statement that makes one row of all rows of a version of a record.

    A version is complete when its own rows, and those of each of its attachments, have the
    ordinals that they must have, each once, and agree on the compared columns.
    """
    spec = table.spec
    part, first = (
        ("0", "0")
        if spec.ordinal_range is None
        else (f"ordinal // {spec.ordinal_range}", f"part * {spec.ordinal_range}")
    )
    return f"""
        CREATE OR REPLACE TABLE {table.versions} AS
        WITH parts AS (
            SELECT
                id, version, {part} AS part, own, min(fields) AS fields,
                bool_and(is_current) AS is_current,
                min(fields) = max(fields) AND own = (part = 0)
                    AND count(*) = count(DISTINCT ordinal)
                    AND max(ordinal) = {first} + count(*) - 1 AS is_complete
            FROM {table.rows} GROUP BY id, version, part, own
        )
        SELECT
            id, version, min(fields) AS fields, bool_or(own) AS own,
            bool_and(is_current) AS is_current,
            min(fields) = max(fields) AND bool_and(is_complete) AS is_complete
        FROM parts GROUP BY id, version
    """
