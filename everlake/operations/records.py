"""Operations on the records in the lake."""

import msgspec

from everlake.lake import Lake
from everlake.model.records import RecordFilters, RecordPage, RecordSummary, StoredRecord
from everlake.operations.errors import ResourceNotFound


class RecordHistory(msgspec.Struct, frozen=True):
    """The current version of a record, and the batches that brought its versions, oldest first."""

    record: StoredRecord
    batch_ids: list[str]


def list_records(
    lake: Lake,
    workspace_id: str,
    filters: RecordFilters,
    *,
    limit: int,
    before_version: int | None = None,
) -> RecordPage:
    """Return a page of records, newest arrival first.

    Args:
        filters: which records.
        limit: size of the page; it ends earlier when its records are large.
        before_version: ``next_before`` of the page before.

    Raises:
        LakeUnavailable: the tables cannot be read now.
        LakeDamaged: a table is damaged.
    """
    return lake.records.page(workspace_id, filters, limit=limit, before_version=before_version)


def get_record(lake: Lake, workspace_id: str, record_id: str) -> RecordHistory:
    """Return the current version of a record and its batches.

    Raises:
        ResourceNotFound: the workspace has no such record.
        LakeUnavailable: the tables cannot be read now.
        LakeDamaged: a table is damaged.
    """
    record = lake.records.get(workspace_id, record_id)
    if record is None:
        raise ResourceNotFound("record", record_id)
    batch_ids = [
        batch_id for _, batch_id in lake.arrivals.batches_of_record(workspace_id, record_id)
    ]
    return RecordHistory(record, list(dict.fromkeys(batch_ids)))


def summarize_records(lake: Lake, workspace_id: str) -> RecordSummary:
    """Return how many records the workspace has, by type and by source.

    Raises:
        LakeUnavailable: the tables cannot be read now.
        LakeDamaged: a table is damaged.
    """
    return lake.records.summary(workspace_id)
