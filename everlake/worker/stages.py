"""The two steps of a batch: into the lake's tables, then analysed."""

from collections.abc import Sequence

from everlake.analysis.utterances import extract
from everlake.catalog.batches import BatchRow
from everlake.contract.batch import BatchStatus
from everlake.lake import AnalysedRecord, Lake
from everlake.lake.landed import arrived
from everlake.landing.lines import LandedRecord
from everlake.landing.objects import read_accepted
from everlake.logs import logger
from everlake.storage import ObjectStore
from everlake.worker.queue import Stage

_MAX_BATCHES = 1_000
_MAX_RECORDS = 50_000
_MAX_BYTES = 64 * 1024 * 1024

_log = logger()


def landing(store: ObjectStore, lake: Lake) -> Stage:
    """``LANDING`` to ``LANDED``: many batches in one merge of the workspace's records."""

    def work(group: Sequence[BatchRow]) -> None:
        rows = [arrived(record, batch) for batch in group for record in read_accepted(store, batch)]
        merged = lake.merge_records(group[0].workspace_id, rows)
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
            analysed(record, batch) for batch in group for record in read_accepted(store, batch)
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
        max_records=_MAX_RECORDS // 5,
        max_bytes=_MAX_BYTES,
    )


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
