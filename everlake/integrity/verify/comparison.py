"""Comparison database: catalog, archive and tables of a workspace, as narrow rows."""
# ruff: noqa: S608 - the statements are built from names of columns and tables in the registry

from collections.abc import Iterable, Sequence
from typing import Any

from everlake.batching import chunked
from everlake.contract.batches import BatchStatus
from everlake.contract.record_identity import LINE_BITS
from everlake.integrity.temporary_database import (
    LOAD_ROWS,
    RECORD_ID_AS_UUID,
    TemporaryDatabase,
)
from everlake.integrity.verify.compared_table import (
    ComparedTable,
    archive_hashes,
    compared_tables,
    record_table,
)
from everlake.landing.accepted import LandedRecord
from everlake.model.batches import BatchRow
from everlake.tables import arrow
from everlake.tables.analysis_versions import FIRST_VERSION
from everlake.tables.conditions import one_of
from everlake.tables.registry import Registry
from everlake.tables.row_buffer import RowBuffer
from everlake.tables.snapshot import Snapshot
from everlake.tables.spec import TableSpec, WriteMode
from everlake.tables.table import Table

_FLUSH_BYTES = 16 * 1024 * 1024
_BATCH_ROWS = 2_048


class ComparisonDatabase:
    """What is compared of one workspace. Every method may raise TemporaryStorageFull.

    Its tables are:

    - ``batches (sequence, landed, complete)``, from the catalog;
    - ``archive (id, version, hash_0, ...)``, one row for each record of a landing object;
    - ``unreadable (sequence)``, the batches whose landing object cannot be read;
    - ``rows_<table> (id, version, fields)`` for each derived table, where ``fields`` is to equal
      the hash of the same columns in ``archive``. Tables of mode REPLACE have ``ordinal`` too,
      ``own`` (the row is not an attachment's), and ``is_current`` (it was made by the table's
      version of the analysis).

    Args:
        database: an empty database.
        registry: the derived tables.
    """

    def __init__(self, database: TemporaryDatabase, registry: Registry) -> None:
        self.database = database
        self.tables = compared_tables(registry)
        self._records = record_table(registry)
        self._buffer = RowBuffer[Any](self._records.to_arrow, self._records.size_of)
        hashes = archive_hashes(self.tables)
        self._insert_archived = (
            f"INSERT INTO archive SELECT {RECORD_ID_AS_UUID}, version, "
            f"{', '.join(map(_hash, hashes.values()))} FROM fresh"
        )
        database.execute(
            "CREATE TABLE batches (sequence BIGINT, landed BOOL, complete BOOL)",
            "CREATE TABLE unreadable (sequence BIGINT)",
            "CREATE TABLE archive (id UUID, version BIGINT, "
            f"{', '.join(f'{name} UBIGINT' for name in hashes)})",
            *(f"CREATE TABLE {table.rows} ({_row_columns(table.spec)})" for table in self.tables),
        )

    def replace_batches(self, batches: Iterable[BatchRow]) -> None:
        """Load the state of all batches, in place of what was loaded before."""
        self.database.execute("DELETE FROM batches")
        for some in chunked(batches, LOAD_ROWS):
            rows = {
                "sequence": [batch.sequence for batch in some],
                "landed": [batch.landed_at is not None for batch in some],
                "complete": [batch.status is BatchStatus.COMPLETE for batch in some],
            }
            self.database.load("INSERT INTO batches FROM fresh", arrow.from_columns(rows))

    def add_archived(self, batch: BatchRow, records: Sequence[LandedRecord]) -> None:
        """Load the records of a batch's landing object; buffered until :meth:`flush`."""
        self._buffer.extend([self._records.derive(record, batch) for record in records])
        if self._buffer.size_bytes >= _FLUSH_BYTES:
            self.flush()

    def replace_archived(self, batch: BatchRow, records: Sequence[LandedRecord]) -> None:
        """Load the records of a batch's landing object, in place of what was loaded before."""
        self.flush()
        self.database.execute(
            f"DELETE FROM unreadable WHERE sequence = {batch.sequence}",
            f"DELETE FROM archive WHERE version >> {LINE_BITS} = {batch.sequence}",
        )
        self.add_archived(batch, records)

    def add_unreadable(self, batch: BatchRow) -> None:
        """Note that the landing object of a batch cannot be read."""
        self.database.load(
            "INSERT INTO unreadable FROM fresh", arrow.from_columns({"sequence": [batch.sequence]})
        )

    def flush(self) -> None:
        """Load the records that are buffered."""
        rows = self._buffer.drain()
        if rows is not None:
            self.database.load(self._insert_archived, rows)

    def restrict_archive(self, table: str) -> None:
        """Remove from ``archive`` the records whose id is not in a table of this database."""
        self.database.execute(f"DELETE FROM archive WHERE id NOT IN (SELECT id FROM {table})")

    def replace_table(
        self, compared: ComparedTable, table: Table, record_ids: Sequence[str] | None = None
    ) -> int:
        """Load the rows of a derived table, in place of what was loaded before.

        Args:
            compared: the table as it is compared.
            table: the table.
            record_ids: load the rows of these records; None for all rows.

        Returns:
            the number of rows.

        Raises:
            LakeUnavailable, LakeDamaged: it cannot be read.
        """
        columns = [
            name
            for name in ("record_id", "version", "ordinal", "attachment_id", "analysis_version")
            if name in compared.spec.schema.names and name not in compared.columns
        ]
        columns += compared.columns

        def load(now: Snapshot) -> int:
            insert = (
                f"INSERT INTO {compared.rows} "
                f"SELECT {_row_values(compared, now.analysis_version)} FROM fresh"
            )
            self.database.execute(f"DELETE FROM {compared.rows}")
            count = 0
            for where in _filters(record_ids):
                for rows in now.stream(columns, where, rows=_BATCH_ROWS):
                    self.database.load(insert, rows)
                    count += rows.num_rows
            return count

        self.database.execute(f"DELETE FROM {compared.rows}")
        return table.read(load, 0)


def _row_columns(spec: TableSpec) -> str:
    columns = "id UUID, version BIGINT, fields UBIGINT"
    if spec.mode is WriteMode.REPLACE:
        columns += ", ordinal INTEGER, own BOOL, is_current BOOL"
    return columns


def _row_values(compared: ComparedTable, analysis_version: int) -> str:
    """Return the expressions for the columns of :func:`_row_columns` over a table's rows."""
    spec = compared.spec
    values = f"{RECORD_ID_AS_UUID}, version, {_hash(compared.columns)}"
    if spec.mode is WriteMode.REPLACE:
        own = "true" if spec.ordinal_range is None else "attachment_id IS NULL"
        is_current = (
            "true"
            if spec.analysis_version is None
            else f"coalesce(analysis_version, {FIRST_VERSION}) = {analysis_version}"
        )
        values += f", ordinal, {own}, {is_current}"
    return values


def _hash(columns: Sequence[str]) -> str:
    return f"hash({', '.join(columns)})"


def _filters(record_ids: Sequence[str] | None) -> list[str | None]:
    if record_ids is None:
        return [None]
    return [one_of("record_id", some) for some in chunked(record_ids, LOAD_ROWS)]
