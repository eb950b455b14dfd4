"""Rows of the records table: its columns, and landed records as rows."""

from collections.abc import Mapping, Sequence

import msgspec

from everlake.contract.envelope import Participant
from everlake.lake.filters import participant_keys
from everlake.landing.accepted import LandedRecord
from everlake.model.batches import BatchRow
from everlake.model.records import ArrivedRecord
from everlake.tables import arrow
from everlake.tables.columns import (
    EVENT_TIME,
    IDENTITY_COLUMNS,
    INTEGER,
    LARGE_TEXT,
    TEXT,
    TEXT_LIST,
    TEXT_MAP,
    UNIX_TIME,
    column,
    schema,
    text_structs,
)
from everlake.tables.spec import Source, TableSpec, WriteMode

RECORDS_TABLE = TableSpec(
    name="records",
    schema=schema(
        [
            *IDENTITY_COLUMNS,
            column("batch_id", TEXT),
            column("source", TEXT),
            column("type", TEXT),
            column("event_at", EVENT_TIME),
            column("product_id", TEXT),
            column("project_ids", TEXT_LIST),
            column("nature", TEXT),
            column("thread_id", TEXT),
            column("participants", text_structs("id", "role", "name", "email", "type")),
            column("participant_keys", TEXT_LIST),
            column("vendor_ids", TEXT_MAP),
            column("tags", TEXT_LIST),
            column("ingested_at", UNIX_TIME),
            column("data_bytes", INTEGER),
            column("envelope", LARGE_TEXT),
            column("data", LARGE_TEXT),
        ]
    ),
    key=("record_id",),
    mode=WriteMode.LATEST,
    derived_from=(Source.ARCHIVE,),
    scalar_indexes=("record_id", "version", "batch_id"),
    size_column="data_bytes",
    since_first_release=True,
)
"""One row per record, its current version.

``participant_keys`` holds the participants' ids and lower-case emails, for filters: SQL over a
list of structs cannot select by one member. ``data_bytes`` is the length of ``data``.
"""


def arrived_record(record: LandedRecord, batch: BatchRow) -> ArrivedRecord:
    """Return a landed record as it arrived with ``batch``."""
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


def landed_records(rows: arrow.ArrowTable) -> list[LandedRecord]:
    """Return rows of :data:`RECORDS_TABLE` as the landed records that they were derived from."""
    return [
        LandedRecord(
            record_id=row["record_id"],
            version=row["version"],
            record_type=row["type"],
            event_at=row["event_at"],
            product_id=row["product_id"],
            project_ids=row["project_ids"],
            nature=row["nature"],
            thread_id=row["thread_id"],
            participants=[_participant(members) for members in row["participants"]],
            tags=row["tags"],
            vendor_ids=dict(row["vendor_ids"]),
            envelope=row["envelope"],
            data=row["data"],
        )
        for row in arrow.to_rows(rows, as_bytes=("envelope", "data"))
    ]


def _participant(members: Mapping[str, str | None]) -> Participant:
    present = {name: value for name, value in members.items() if value is not None}
    return msgspec.convert(present, Participant)


def records_to_arrow(rows: Sequence[ArrivedRecord]) -> arrow.ArrowTable:
    """Return rows of :data:`RECORDS_TABLE`.

    Raises:
        ValueError: ``data`` or ``envelope`` is not UTF-8, or ``event_at`` not a time.
    """
    columns = {
        "record_id": [row.record_id for row in rows],
        "version": [row.version for row in rows],
        "batch_id": [row.batch_id for row in rows],
        "source": [row.source for row in rows],
        "type": [row.record_type for row in rows],
        "event_at": [row.event_at for row in rows],
        "product_id": [row.product_id for row in rows],
        "project_ids": [row.project_ids for row in rows],
        "nature": [row.nature for row in rows],
        "thread_id": [row.thread_id for row in rows],
        "participants": [msgspec.to_builtins(row.participants) for row in rows],
        "participant_keys": [_participant_keys(row.participants) for row in rows],
        "vendor_ids": [list(row.vendor_ids.items()) for row in rows],
        "tags": [row.tags for row in rows],
        "ingested_at": [row.ingested_at for row in rows],
        "data_bytes": [len(row.data) for row in rows],
        "envelope": [row.envelope for row in rows],
        "data": [row.data for row in rows],
    }
    return arrow.from_columns(columns, RECORDS_TABLE.schema)


def _participant_keys(participants: Sequence[Participant]) -> list[str]:
    return participant_keys(
        [one.id for one in participants],
        [one.email for one in participants if one.email is not msgspec.UNSET],
    )
