"""Records as they arrive and as they are stored, and what is asked about them."""

from datetime import datetime

import msgspec

from everlake.contract.envelope import Participant


class RecordArrival(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Arrival of one version of a record, with a batch. Formats as in :class:`ArrivedRecord`."""

    record_id: str
    version: int
    batch_id: str


class ArrivedRecord(RecordArrival, frozen=True, kw_only=True, gc=False):
    """An accepted record, with the batch it arrived in.

    ``record_id`` is 32 hexadecimal digits; ``version`` grows with arrival and is unique in the
    workspace (:mod:`everlake.contract.record_identity`); ``event_at`` is ``YYYY-MM-DDTHH:MM:SSZ``;
    ``ingested_at`` is Unix milliseconds; ``envelope`` is the normalised envelope without
    ``data`` as JSON text; ``data`` is the sender's JSON text, byte for byte, valid UTF-8.
    """

    source: str
    ingested_at: int
    record_type: str
    event_at: str
    product_id: str
    project_ids: list[str]
    nature: str
    thread_id: str | None
    participants: list[Participant]
    tags: list[str]
    vendor_ids: dict[str, str]
    envelope: bytes
    data: bytes


def record_size(row: ArrivedRecord) -> int:
    """Return about how many bytes a record has."""
    return len(row.data) + len(row.envelope)


class StoredRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The current version of a record. Formats as in :class:`ArrivedRecord`."""

    record_id: str
    version: int
    batch_id: str
    source: str
    ingested_at: int
    record_type: str
    event_at: str
    product_id: str
    project_ids: list[str]
    nature: str
    thread_id: str | None
    tags: list[str]
    envelope: bytes
    data: bytes


class RecordFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Conditions on records, all of which must hold.

    ``batch`` selects records whose current version arrived with that batch. ``project`` and
    ``tag`` each match one of the record's. ``participant`` is a participant's id, or an email
    address in any case. ``since`` is inclusive, ``until`` exclusive; both compare with
    ``_event_at`` and have a time zone.
    """

    batch: str | None = None
    type: str | None = None
    source: str | None = None
    project: str | None = None
    product: str | None = None
    nature: str | None = None
    tag: str | None = None
    participant: str | None = None
    thread: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class RecordPage(msgspec.Struct, frozen=True, kw_only=True):
    """Records, newest arrival first.

    ``next_before`` is the position of the next page, None on the last one.
    """

    records: list[StoredRecord]
    next_before: int | None


class MergeResult(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a merge: rows ``received``, records ``inserted`` and records ``replaced``."""

    received: int
    inserted: int
    replaced: int


class RecordSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a workspace's records: in all, by type and by source, the largest first."""

    records: int
    by_type: dict[str, int]
    by_source: dict[str, int]
