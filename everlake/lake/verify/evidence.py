"""What catalog, archive and tables say, as narrow rows of a scratch database."""
# ruff: noqa: S608 - the statements are put together from constants of this project

from collections.abc import Iterable, Sequence

from everlake.catalog.batches import BatchRow
from everlake.catalog.fields import in_chunks
from everlake.contract.batch import BatchStatus
from everlake.contract.identity import LINE_BITS
from everlake.lake import arrow
from everlake.lake.dataset import Snapshot
from everlake.lake.filters import one_of
from everlake.lake.lake import ARRIVALS, RECORDS, UTTERANCES
from everlake.lake.landed import arrived
from everlake.lake.pile import Pile
from everlake.lake.rows import ArrivedRecord, weight
from everlake.lake.scratch import RECORD_ID, Scratch
from everlake.lake.table import Table
from everlake.landing.lines import LandedRecord

_PIECE_BYTES = 16 * 1024 * 1024

_HEAD = "hash(type, batch_id, product_id, source, project_ids, event_at)"
"""What an utterance has from its record."""

_TABLES = (
    "CREATE TABLE batches (sequence BIGINT, landed BOOL, complete BOOL)",
    "CREATE TABLE unreadable (sequence BIGINT)",
    "CREATE TABLE archive (id UUID, version BIGINT, batch UBIGINT, head UBIGINT, whole UBIGINT)",
    "CREATE TABLE records (id UUID, version BIGINT, whole UBIGINT)",
    "CREATE TABLE arrivals (id UUID, version BIGINT, batch UBIGINT)",
    "CREATE TABLE utterances (id UUID, version BIGINT, ordinal INTEGER, head UBIGINT, own BOOL)",
)
_ARCHIVE = (
    f"INSERT INTO archive SELECT {RECORD_ID}, version, hash(batch_id), {_HEAD}, hash(fresh)"
    " FROM fresh"
)
_READ = {
    RECORDS.name: f"INSERT INTO records SELECT {RECORD_ID}, version, hash(fresh) FROM fresh",
    ARRIVALS.name: f"INSERT INTO arrivals SELECT {RECORD_ID}, version, hash(batch_id) FROM fresh",
    UTTERANCES.name: (
        f"INSERT INTO utterances SELECT {RECORD_ID}, version, ordinal, {_HEAD},"
        " attachment_id IS NULL FROM fresh"
    ),
}
_UNREAD = {"speaker", "role", "said_at", "text", "attachment"}
"""Columns of utterances that the analysis makes: another version of it may make others."""


class Evidence:
    """Of one workspace. Every method may raise NoRoom."""

    def __init__(self, work: Scratch) -> None:
        self.work = work
        self._pile = Pile[ArrivedRecord](arrow.records_table, weight)
        work.do(*_TABLES)

    def expect(self, batches: Iterable[BatchRow]) -> None:
        """Take down how far all batches are, in place of what was known."""
        self.work.do("DELETE FROM batches")
        for some in in_chunks(batches):
            rows = {
                "sequence": [batch.sequence for batch in some],
                "landed": [batch.landed_at is not None for batch in some],
                "complete": [batch.status is BatchStatus.COMPLETE for batch in some],
            }
            self.work.take("INSERT INTO batches FROM fresh", arrow.columns(rows))

    def archive(self, batch: BatchRow, records: Sequence[LandedRecord]) -> None:
        """Take down what the archive has of a batch."""
        self._pile.add([arrived(record, batch) for record in records])
        if self._pile.bytes >= _PIECE_BYTES:
            self.flush()

    def archive_anew(self, batch: BatchRow, records: Sequence[LandedRecord]) -> None:
        """As :meth:`archive`, in place of what was known."""
        self.flush()
        self.work.do(
            f"DELETE FROM unreadable WHERE sequence = {batch.sequence}",
            f"DELETE FROM archive WHERE version >> {LINE_BITS} = {batch.sequence}",
        )
        self.archive(batch, records)

    def unreadable(self, batch: BatchRow) -> None:
        """Take down that nobody knows what the batch brought."""
        self.work.take(
            "INSERT INTO unreadable FROM fresh", arrow.columns({"sequence": [batch.sequence]})
        )

    def flush(self) -> None:
        """Take down what :meth:`archive` has gathered."""
        rows = self._pile.take()
        if rows is not None:
            self.work.take(_ARCHIVE, rows)

    def read(self, table: Table, only: Sequence[str] | None = None) -> int:
        """Take down a table as it is now, in place of what was known; how many rows.

        Args:
            only: records of these ids.

        Raises:
            LakeUnavailable, LakeDamaged: it cannot be read.
        """
        spec = table.spec
        columns = [name for name in spec.schema.names if name not in _UNREAD]

        def take(now: Snapshot) -> int:
            self.work.do(f"DELETE FROM {spec.name}")
            count = 0
            for where in _filters(only):
                for rows in now.stream(columns, where, rows=2_048):
                    self.work.take(_READ[spec.name], rows)
                    count += rows.num_rows
            return count

        self.work.do(f"DELETE FROM {spec.name}")
        return table.read(take, 0)

    def keep_only(self, table: str) -> None:
        """Forget what the archive has of records that are not in a table of ids."""
        self.work.do(f"DELETE FROM archive WHERE id NOT IN (SELECT id FROM {table})")


def _filters(only: Sequence[str] | None) -> list[str | None]:
    if only is None:
        return [None]
    return [one_of("record_id", some) for some in in_chunks(only)]
