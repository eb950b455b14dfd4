"""What catalog, archive and tables say, as narrow rows of a scratch database."""
# ruff: noqa: S608 - the statements are put together from constants of this project

from collections.abc import Iterable, Sequence

from everlake.batching import chunked
from everlake.catalog.batches import BatchRow
from everlake.contract.batches import BatchStatus
from everlake.contract.record_identity import LINE_BITS
from everlake.integrity.temporary_database import RECORD_ID_AS_UUID, TemporaryDatabase
from everlake.lake.arrivals import ARRIVALS_TABLE
from everlake.lake.record_rows import RECORDS_TABLE, arrived_record, records_to_arrow
from everlake.lake.utterance_rows import UTTERANCES_TABLE
from everlake.landing.lines import LandedRecord
from everlake.model.records import ArrivedRecord, record_size
from everlake.tables import arrow
from everlake.tables.conditions import one_of
from everlake.tables.row_buffer import RowBuffer
from everlake.tables.snapshot import Snapshot
from everlake.tables.table import Table

_CHUNK_SIZE = 500
_FLUSH_BYTES = 16 * 1024 * 1024

_RECORD_FIELDS_HASH = "hash(type, batch_id, product_id, source, project_ids, event_at)"
"""What an utterance has from its record."""

_CREATE_TABLES = (
    "CREATE TABLE batches (sequence BIGINT, landed BOOL, complete BOOL)",
    "CREATE TABLE unreadable (sequence BIGINT)",
    "CREATE TABLE archive (id UUID, version BIGINT, batch UBIGINT, head UBIGINT, whole UBIGINT)",
    "CREATE TABLE records (id UUID, version BIGINT, whole UBIGINT)",
    "CREATE TABLE arrivals (id UUID, version BIGINT, batch UBIGINT)",
    "CREATE TABLE utterances (id UUID, version BIGINT, ordinal INTEGER, head UBIGINT, own BOOL)",
)
_INSERT_ARCHIVED = (
    f"INSERT INTO archive SELECT {RECORD_ID_AS_UUID}, version, hash(batch_id), {_RECORD_FIELDS_HASH}, hash(fresh)"
    " FROM fresh"
)
_INSERT_TABLE_ROWS = {
    RECORDS_TABLE.name: f"INSERT INTO records SELECT {RECORD_ID_AS_UUID}, version, hash(fresh) FROM fresh",
    ARRIVALS_TABLE.name: f"INSERT INTO arrivals SELECT {RECORD_ID_AS_UUID}, version, hash(batch_id) FROM fresh",
    UTTERANCES_TABLE.name: (
        f"INSERT INTO utterances SELECT {RECORD_ID_AS_UUID}, version, ordinal, {_RECORD_FIELDS_HASH},"
        " attachment_id IS NULL FROM fresh"
    ),
}
_UNCOMPARED_COLUMNS = {"speaker", "role", "said_at", "text", "attachment"}
"""Columns of utterances that the analysis makes: another version of it may make others."""


class ComparisonDatabase:
    """Of one workspace. Every method may raise NoRoom."""

    def __init__(self, database: TemporaryDatabase) -> None:
        self.database = database
        self._buffer = RowBuffer[ArrivedRecord](records_to_arrow, record_size)
        database.execute(*_CREATE_TABLES)

    def replace_batches(self, batches: Iterable[BatchRow]) -> None:
        """Take down how far all batches are, in place of what was known."""
        self.database.execute("DELETE FROM batches")
        for some in chunked(batches, _CHUNK_SIZE):
            rows = {
                "sequence": [batch.sequence for batch in some],
                "landed": [batch.landed_at is not None for batch in some],
                "complete": [batch.status is BatchStatus.COMPLETE for batch in some],
            }
            self.database.load("INSERT INTO batches FROM fresh", arrow.from_columns(rows))

    def add_archived(self, batch: BatchRow, records: Sequence[LandedRecord]) -> None:
        """Take down what the archive has of a batch."""
        self._buffer.extend([arrived_record(record, batch) for record in records])
        if self._buffer.size_bytes >= _FLUSH_BYTES:
            self.flush()

    def replace_archived(self, batch: BatchRow, records: Sequence[LandedRecord]) -> None:
        """As :meth:`archive`, in place of what was known."""
        self.flush()
        self.database.execute(
            f"DELETE FROM unreadable WHERE sequence = {batch.sequence}",
            f"DELETE FROM archive WHERE version >> {LINE_BITS} = {batch.sequence}",
        )
        self.add_archived(batch, records)

    def add_unreadable(self, batch: BatchRow) -> None:
        """Take down that nobody knows what the batch brought."""
        self.database.load(
            "INSERT INTO unreadable FROM fresh", arrow.from_columns({"sequence": [batch.sequence]})
        )

    def flush(self) -> None:
        """Take down what :meth:`archive` has gathered."""
        rows = self._buffer.drain()
        if rows is not None:
            self.database.load(_INSERT_ARCHIVED, rows)

    def replace_table(self, table: Table, record_ids: Sequence[str] | None = None) -> int:
        """Take down a table as it is now, in place of what was known; how many rows.

        Args:
            record_ids: records of these ids.

        Raises:
            LakeUnavailable, LakeDamaged: it cannot be read.
        """
        spec = table.spec
        columns = [name for name in spec.schema.names if name not in _UNCOMPARED_COLUMNS]

        def take(now: Snapshot) -> int:
            self.database.execute(f"DELETE FROM {spec.name}")
            count = 0
            for where in _filters(record_ids):
                for rows in now.stream(columns, where, rows=2_048):
                    self.database.load(_INSERT_TABLE_ROWS[spec.name], rows)
                    count += rows.num_rows
            return count

        self.database.execute(f"DELETE FROM {spec.name}")
        return table.read(take, 0)

    def restrict_archive(self, table: str) -> None:
        """Forget what the archive has of records that are not in a table of ids."""
        self.database.execute(f"DELETE FROM archive WHERE id NOT IN (SELECT id FROM {table})")


def _filters(record_ids: Sequence[str] | None) -> list[str | None]:
    if record_ids is None:
        return [None]
    return [one_of("record_id", some) for some in chunked(record_ids, _CHUNK_SIZE)]
