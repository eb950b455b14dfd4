"""Arrivals table: which batches brought which versions of which records."""

from collections.abc import Sequence

from everlake.batching import chunked
from everlake.landing.accepted import LandedIdentity
from everlake.model.batches import BatchRow
from everlake.model.records import RecordArrival
from everlake.tables import arrow
from everlake.tables.columns import IDENTITY_COLUMNS, TEXT, column, schema
from everlake.tables.conditions import equals, one_of
from everlake.tables.engine import TableEngine
from everlake.tables.registry import ArrivalTable
from everlake.tables.spec import Source, TableSpec, WriteMode

_IDS_PER_QUERY = 1_000

ARRIVALS_TABLE = TableSpec(
    name="arrivals",
    schema=schema([*IDENTITY_COLUMNS, column("batch_id", TEXT)]),
    key=("record_id", "version"),
    mode=WriteMode.APPEND,
    derived_from=(Source.ARCHIVE,),
    scalar_indexes=("record_id",),
    since_first_release=True,
)
"""One row for every arrival. After a crash, the arrivals of a batch may be there twice."""


class ArrivalRepository:
    """Reads the arrivals of records."""

    def __init__(self, engine: TableEngine) -> None:
        self._engine = engine

    def batches_of_record(self, workspace_id: str, record_id: str) -> list[tuple[int, str]]:
        """Return every version of a record with the id of its batch, in order of arrival."""
        where = equals("record_id", record_id)
        rows = self._engine.table(workspace_id, ARRIVALS_TABLE).read(
            lambda now: now.select(["version", "batch_id"], where), []
        )
        return sorted({(row["version"], row["batch_id"]) for row in rows})

    def batches_with_arrivals(self, workspace_id: str, batch_ids: Sequence[str]) -> set[str]:
        """Return which of these batches have arrivals. Reads the whole table."""
        found: set[str] = set()
        for some in chunked(batch_ids, _IDS_PER_QUERY):
            where = one_of("batch_id", some)
            rows = self._engine.table(workspace_id, ARRIVALS_TABLE).read(
                lambda now, where=where: now.select(["batch_id"], where), []
            )
            found.update(row["batch_id"] for row in rows)
        return found


def arrivals_to_arrow(rows: Sequence[RecordArrival]) -> arrow.ArrowTable:
    """Return rows of :data:`ARRIVALS_TABLE`."""
    columns = {
        "record_id": [row.record_id for row in rows],
        "version": [row.version for row in rows],
        "batch_id": [row.batch_id for row in rows],
    }
    return arrow.from_columns(columns, ARRIVALS_TABLE.schema)


def _derive(record: LandedIdentity, batch: BatchRow) -> RecordArrival:
    return RecordArrival(record_id=record.record_id, version=record.version, batch_id=batch.id)


def _write(engine: TableEngine, workspace_id: str, rows: Sequence[RecordArrival]) -> None:
    if rows:
        with engine.table(workspace_id, ARRIVALS_TABLE).writing() as writer:
            writer.append(arrivals_to_arrow(rows))


ARRIVALS = ArrivalTable[RecordArrival](
    spec=ARRIVALS_TABLE,
    derive=_derive,
    to_arrow=arrivals_to_arrow,
    size_of=lambda _: 0,
    write=_write,
)
