"""Rows of the lake's tables as they go in and come out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from everlake.contract.envelope import Participant

MAX_UTTERANCES = 20_000
"""Most utterances of a record itself, and of each of its attachments."""


class RecordArrival(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a record came in, and with which batch. Forms as in :class:`ArrivedRecord`."""

    record_id: str
    version: int
    batch_id: str


class ArrivedRecord(RecordArrival, frozen=True, kw_only=True, gc=False):
    """One accepted record of one landing, with the batch it came in.

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
    """About how many bytes the row holds."""
    return len(row.data) + len(row.envelope)


class StoredRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The last arrival of one record. Units and forms as in :class:`ArrivedRecord`."""

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
    """What to list; every filter given must hold.

    ``batch``: records whose current version that batch wrote. ``project`` and ``tag``: one of
    the record's. ``participant``: a participant's id, or email in any case. ``since`` is
    inclusive, ``until`` exclusive, both on ``_event_at`` and both aware of their time zone.
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
    """Records, newest arrival first. ``next_before`` is null when there is no more."""

    records: list[StoredRecord]
    next_before: int | None


class MergeResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge did: of ``received`` rows, how many records are new and how many replaced."""

    received: int
    inserted: int
    replaced: int


class RecordSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a workspace's records, the largest first."""

    records: int
    by_type: dict[str, int]
    by_source: dict[str, int]


class UtteranceLike(Protocol):
    """One utterance as the analysis finds it: who said what, when."""

    @property
    def text(self) -> str: ...
    @property
    def speaker(self) -> str | None: ...
    @property
    def role(self) -> str | None: ...
    @property
    def said_at(self) -> str | None: ...


class UtteranceGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What is said in one version of a record, in order; there may be nothing.

    At most :data:`MAX_UTTERANCES`. Forms as in :class:`ArrivedRecord`.
    """

    record_id: str
    version: int
    batch_id: str
    source: str
    record_type: str
    event_at: str
    product_id: str
    project_ids: list[str]
    utterances: Sequence[UtteranceLike]


class RecordUtterances(UtteranceGroup, frozen=True, kw_only=True):
    """What the record says itself; what its attachments say comes later, and apart."""


class AttachmentUtterances(UtteranceGroup, frozen=True, kw_only=True):
    """What the text of one of the record's attachments says.

    ``attachment_id`` is unique in the record; ``name`` is the filename, else the id; ``place``
    is the attachment's among the record's ``_attachments``, from 0 to at most 100,000.
    """

    attachment_id: str
    name: str
    position: int


def text_size(group: UtteranceGroup) -> int:
    """About how many bytes the words have."""
    return sum(len(said.text) for said in group.utterances)


def ordinals(group: UtteranceGroup) -> range:
    """Where the utterances stand among all that is said in the record.

    Its own stand from 0, those of the attachment at ``place`` from (``place`` + 1) *
    :data:`MAX_UTTERANCES`: neither needs to know how many the others are.

    Raises:
        ValueError: there are more than :data:`MAX_UTTERANCES`.
    """
    count = len(group.utterances)
    if count > MAX_UTTERANCES:
        raise ValueError(f"A text has at most {MAX_UTTERANCES:,} utterances, not {count:,}.")
    first = (group.position + 1) * MAX_UTTERANCES if isinstance(group, AttachmentUtterances) else 0
    return range(first, first + count)


class UtteranceWriteResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was written of so many records, or attachments.

    ``stale`` counts those left alone because a newer version of the record has arrived.
    """

    records: int
    utterances: int
    stale: int


class UtteranceFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Where to search; as the members of the same name in :class:`RecordFilters`."""

    type: str | None = None
    source: str | None = None
    project: str | None = None
    product: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class TextQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Words of which any may occur, and phrases of which each must. Neither is a language."""

    words: str = ""
    phrases: tuple[str, ...] = ()


class UtteranceMatch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One utterance of a record's current version. ``score`` is BM25: higher is better.

    ``attachment_id`` and ``attachment`` (its name) tell the attachment whose text it is from;
    None where the record itself says it.
    """

    score: float
    record_id: str
    version: int
    ordinal: int
    batch_id: str
    record_type: str
    source: str
    event_at: str
    product_id: str
    project_ids: list[str]
    speaker: str | None
    role: str | None
    said_at: str | None
    text: str
    attachment_id: str | None
    attachment: str | None


class MaintenanceStep(msgspec.Struct, frozen=True, kw_only=True):
    """One thing done to one table.

    ``amount`` counts fragments folded (``compact``), rows indexed or merged (``index``), or old
    versions removed (``clean``).
    """

    table: str
    action: str
    amount: int
