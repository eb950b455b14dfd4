"""Utterances: what records and their attachments say, and what is searched among it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

MAX_UTTERANCES = 20_000
"""Most utterances of a record itself, and of each of its attachments."""
MAX_TEXT_LENGTH = 2_000
"""Most characters of an utterance, unless the record has the largest number of utterances."""


class Utterance(msgspec.Struct, frozen=True, gc=False):
    """One thing that is said in a record.

    Attributes:
        text: clean text of at most 2,000 characters, never empty.
        speaker: who said it, None when the record does not tell.
        role: ``internal``, ``external`` or ``unknown``; None without a speaker, save where the
            record tells the direction of a message only.
        said_at: when, RFC 3339 in UTC (``2024-04-05T19:34:38Z``, milliseconds where there are
            any), None when the record does not tell.
    """

    text: str
    speaker: str | None = None
    role: str | None = None
    said_at: str | None = None


class UtteranceGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Utterances of one version of a record, in order; there may be none.

    At most :data:`MAX_UTTERANCES`. Formats as in :class:`~everlake.model.records.ArrivedRecord`.
    """

    record_id: str
    version: int
    batch_id: str
    source: str
    record_type: str
    event_at: str
    product_id: str
    project_ids: list[str]
    utterances: Sequence[Utterance]


class RecordUtterances(UtteranceGroup, frozen=True, kw_only=True):
    """Utterances of the record itself, without those of its attachments."""


class AttachmentUtterances(UtteranceGroup, frozen=True, kw_only=True):
    """Utterances in the text of one attachment of the record.

    ``attachment_id`` is unique in the record; ``name`` is the filename, or the id where there is
    none; ``position`` is the attachment's index in the record's ``_attachments``, from 0 to at
    most 100,000.
    """

    attachment_id: str
    name: str
    position: int


def text_size(group: UtteranceGroup) -> int:
    """Return about how many bytes the texts of a group have."""
    return sum(len(utterance.text) for utterance in group.utterances)


def ordinals(group: UtteranceGroup) -> range:
    """Return the positions of a group's utterances among all utterances of the record.

    Those of the record itself start at 0, those of the attachment at ``position`` start at
    (``position`` + 1) * :data:`MAX_UTTERANCES`: a group is numbered without knowing the others.

    Raises:
        ValueError: there are more than :data:`MAX_UTTERANCES`.
    """
    count = len(group.utterances)
    if count > MAX_UTTERANCES:
        raise ValueError(f"A text has at most {MAX_UTTERANCES:,} utterances, not {count:,}.")
    first = (group.position + 1) * MAX_UTTERANCES if isinstance(group, AttachmentUtterances) else 0
    return range(first, first + count)


class UtteranceWriteResult(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of written groups and of their utterances.

    ``records`` counts the groups that were written, each of a record or of an attachment;
    ``stale`` those left out because a newer version of the record has arrived.
    """

    records: int
    utterances: int
    stale: int


class UtteranceFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Where to search. Members as in :class:`~everlake.model.records.RecordFilters`."""

    type: str | None = None
    source: str | None = None
    project: str | None = None
    product: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class TextQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Words of which at least one must occur, and phrases of which each must.

    Neither is parsed further: no character of them is an operator.
    """

    words: str = ""
    phrases: tuple[str, ...] = ()


class UtteranceMatch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An utterance of a record's current version that matches a query.

    ``score`` is BM25: higher is better. ``attachment_id`` and ``attachment`` (its name) tell the
    attachment whose text the utterance is from; they are None for the record itself.
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
