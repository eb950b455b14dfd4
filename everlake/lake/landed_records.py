"""A record of the landing archive as a row of the lake."""

from everlake.catalog.batches import BatchRow
from everlake.landing.lines import LandedRecord
from everlake.model.records import ArrivedRecord


def arrived_record(record: LandedRecord, batch: BatchRow) -> ArrivedRecord:
    """The record as it came in with ``batch``."""
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
