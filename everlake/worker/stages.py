"""The two steps of a batch: into the lake's tables, then analysed."""

from collections.abc import Iterator, Sequence
from itertools import chain

from everlake.analysis.utterances import extract
from everlake.catalog.batches import BatchRow
from everlake.catalog.engine import Catalog
from everlake.contract.batch import BatchStatus
from everlake.lake import AnalysedRecord, Lake
from everlake.lake.arriving import MERGE_BYTES, Portion, portions
from everlake.lake.landed import arrived
from everlake.landing.attached import list_attachments
from everlake.landing.lines import LandedRecord
from everlake.landing.objects import read_many
from everlake.logs import logger
from everlake.storage import ObjectStore
from everlake.worker.ahead import ahead
from everlake.worker.queue import Stage

_MAX_BATCHES = 1_000
_MAX_RECORDS = 100_000
_MAX_BYTES = 128 * 1024 * 1024
"""Of one claim to land, which is in memory a portion at a time."""

_MAX_RECORDS_ANALYSED = 10_000
_MAX_BYTES_ANALYSED = 64 * 1024 * 1024
"""Of one claim to analyse, which is in memory as a whole."""

_log = logger()


def landing(catalog: Catalog, store: ObjectStore, lake: Lake) -> Stage:
    """``LANDING`` to ``LANDED``: many batches in one merge of the workspace's records.

    Their attachments are listed then, for others to fetch.
    """

    def read(some: Sequence[BatchRow]) -> Iterator[Portion]:
        return portions(
            [arrived(one, batch) for batch, records in read_many(store, some) for one in records]
        )

    def work(group: Sequence[BatchRow]) -> None:
        # The engine merges one portion on its own threads while Python makes the next.
        read_in = chain.from_iterable(map(read, _by_size(group, MERGE_BYTES)))
        merged = lake.merge(group[0].workspace_id, ahead(read_in))
        list_attachments(catalog, store, group)
        _log.info(
            "landed",
            workspace=group[0].workspace_id,
            batches=len(group),
            records=merged.received,
            new=merged.inserted,
            replaced=merged.replaced,
        )

    return Stage(
        name="land",
        takes=BatchStatus.LANDING,
        during=None,
        gives=BatchStatus.LANDED,
        work=work,
        max_batches=_MAX_BATCHES,
        max_records=_MAX_RECORDS,
        max_bytes=_MAX_BYTES,
    )


def analysis(store: ObjectStore, lake: Lake) -> Stage:
    """``LANDED`` to ``COMPLETE``: what was said in the records, made searchable."""

    def work(group: Sequence[BatchRow]) -> None:
        found = [
            analysed(one, batch) for batch, records in read_many(store, group) for one in records
        ]
        written = lake.write_utterances(group[0].workspace_id, found)
        _log.info(
            "analysed",
            workspace=group[0].workspace_id,
            batches=len(group),
            records=written.records,
            utterances=written.utterances,
            stale=written.stale,
        )

    return Stage(
        name="analyse",
        takes=BatchStatus.LANDED,
        during=BatchStatus.PROCESSING,
        gives=BatchStatus.COMPLETE,
        lets_first=BatchStatus.LANDING,
        work=work,
        max_batches=_MAX_BATCHES,
        max_records=_MAX_RECORDS_ANALYSED,
        max_bytes=_MAX_BYTES_ANALYSED,
    )


def _by_size(group: Sequence[BatchRow], most_bytes: int) -> Iterator[list[BatchRow]]:
    """``group`` in its order, in parts of about that many bytes of lines at the most."""
    part: list[BatchRow] = []
    size = 0
    for batch in group:
        if part and size + batch.landing_bytes > most_bytes:
            yield part
            part, size = [], 0
        part.append(batch)
        size += batch.landing_bytes
    yield part


def analysed(record: LandedRecord, batch: BatchRow) -> AnalysedRecord:
    """What is said in the record that came in with ``batch``."""
    return AnalysedRecord(
        record_id=record.record_id,
        version=record.version,
        batch_id=batch.id,
        source=batch.source,
        record_type=record.record_type,
        event_at=record.event_at,
        product_id=record.product_id,
        project_ids=record.project_ids,
        utterances=extract(record.record_type, record.data, record.participants),
    )
