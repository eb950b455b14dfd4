"""The two steps of a batch: into the lake's tables, then analysed."""

from collections.abc import Sequence

from everlake.analysis.utterances import extract
from everlake.catalog.batches import BatchRow
from everlake.contract.batch import BatchStatus
from everlake.lake import AnalysedRecord, ArrivedRecord, Lake
from everlake.landing.lines import LandedRecord, decode_accepted, decompress
from everlake.logs import logger
from everlake.storage import ObjectMissing, ObjectStore
from everlake.worker.queue import Stage

_MAX_BATCHES = 1_000
_MAX_RECORDS = 50_000
_MAX_BYTES = 64 * 1024 * 1024

_log = logger()


def landing(store: ObjectStore, lake: Lake) -> Stage:
    """``LANDING`` to ``LANDED``: many batches in one merge of the workspace's records."""

    def work(group: Sequence[BatchRow]) -> None:
        arrived = [_arrived(record, batch) for batch in group for record in _records(store, batch)]
        merged = lake.merge_records(group[0].workspace_id, arrived)
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
        analysed = [
            _analysed(record, batch) for batch in group for record in _records(store, batch)
        ]
        written = lake.write_utterances(group[0].workspace_id, analysed)
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
        work=work,
        max_batches=_MAX_BATCHES,
        max_records=_MAX_RECORDS // 5,
        max_bytes=_MAX_BYTES,
    )


def _records(store: ObjectStore, batch: BatchRow) -> list[LandedRecord]:
    if batch.landing_path is None:
        raise ObjectMissing("the batch has no landing object")
    return decode_accepted(decompress(store.get(batch.landing_path)), batch.sequence)


def _arrived(record: LandedRecord, batch: BatchRow) -> ArrivedRecord:
    return ArrivedRecord(
        record_id=record.record_id,
        version=record.version,
        batch_id=batch.id,
        source=batch.source,
        ingested_at=batch.created_at,
        record_type=record.record_type,
        event_at=record.event_at,
        product_id=record.product_id,
        project_ids=record.project_ids,
        nature=record.nature,
        thread_id=record.thread_id,
        participants=record.participants,
        tags=record.tags,
        vendor_ids=record.vendor_ids,
        envelope=record.envelope,
        data=record.data,
    )


def _analysed(record: LandedRecord, batch: BatchRow) -> AnalysedRecord:
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
