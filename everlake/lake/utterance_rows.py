"""Rows of the utterances table: its columns, and utterances of records as rows."""

from collections.abc import Sequence

from everlake.analysis.utterances import extract_utterances
from everlake.analysis.version import ANALYSIS_VERSION
from everlake.landing.accepted import LandedRecord
from everlake.model.batches import BatchRow
from everlake.model.utterances import (
    MAX_UTTERANCES,
    AttachmentUtterances,
    RecordUtterances,
    UtteranceGroup,
    ordinals,
)
from everlake.tables import arrow
from everlake.tables.columns import (
    EVENT_TIME,
    IDENTITY_COLUMNS,
    LARGE_TEXT,
    SMALL_INTEGER,
    TEXT,
    TEXT_LIST,
    column,
    schema,
)
from everlake.tables.spec import Source, TableSpec, WriteMode

UTTERANCES_TABLE = TableSpec(
    name="utterances",
    schema=schema(
        [
            *IDENTITY_COLUMNS,
            column("ordinal", SMALL_INTEGER, required=True),
            column("type", TEXT),
            column("batch_id", TEXT),
            column("product_id", TEXT),
            column("project_ids", TEXT_LIST),
            column("source", TEXT),
            column("event_at", EVENT_TIME),
            column("speaker", TEXT),
            column("role", TEXT),
            column("said_at", TEXT),
            column("text", LARGE_TEXT),
            column("attachment_id", TEXT),
            column("attachment", TEXT),
            column("analysis_version", SMALL_INTEGER),
        ]
    ),
    key=("record_id", "version", "ordinal"),
    mode=WriteMode.REPLACE,
    derived_from=(Source.ANALYSIS, Source.ATTACHMENT_TEXT),
    scalar_indexes=("record_id",),
    full_text_indexes=("text",),
    analysis_version=ANALYSIS_VERSION,
    unverified_columns=frozenset(
        {"speaker", "role", "said_at", "text", "attachment", "analysis_version"}
    ),
    ordinal_range=MAX_UTTERANCES,
    since_first_release=True,
)
"""What is said in each record and its attachments, one row per utterance.

``ordinal`` orders the utterances of a record: see :func:`everlake.model.utterances.ordinals`.
``analysis_version`` names the version of the analysis that made the row; null is version 1. Tables
from before ``attachment_id``, or before ``analysis_version``, get the columns at their next write.
"""


def record_utterances(record: LandedRecord, batch: BatchRow) -> RecordUtterances:
    """Return what is said in a landed record that arrived with ``batch``."""
    return RecordUtterances(
        record_id=record.record_id,
        version=record.version,
        batch_id=batch.id,
        source=batch.source,
        record_type=record.record_type,
        event_at=record.event_at,
        product_id=record.product_id,
        project_ids=record.project_ids,
        utterances=extract_utterances(record.record_type, record.data, record.participants),
    )


def utterances_to_arrow(groups: Sequence[UtteranceGroup]) -> arrow.ArrowTable:
    """Return rows of :data:`UTTERANCES_TABLE`.

    Raises:
        ValueError: a text has too many utterances, or an ``attachment_id`` is not valid Unicode.
    """
    lines = [
        (group, ordinal, utterance)
        for group in groups
        for ordinal, utterance in zip(ordinals(group), group.utterances, strict=True)
    ]
    attachments = [
        group if isinstance(group, AttachmentUtterances) else None for group, _, _ in lines
    ]
    columns = {
        "record_id": [group.record_id for group, _, _ in lines],
        "version": [group.version for group, _, _ in lines],
        "ordinal": [ordinal for _, ordinal, _ in lines],
        "type": [group.record_type for group, _, _ in lines],
        "batch_id": [group.batch_id for group, _, _ in lines],
        "product_id": [group.product_id for group, _, _ in lines],
        "project_ids": [group.project_ids for group, _, _ in lines],
        "source": [group.source for group, _, _ in lines],
        "event_at": [group.event_at for group, _, _ in lines],
        "speaker": [_replace_surrogates(utterance.speaker) for _, _, utterance in lines],
        "role": [utterance.role for _, _, utterance in lines],
        "said_at": [_replace_surrogates(utterance.said_at) for _, _, utterance in lines],
        "text": [_replace_surrogates(utterance.text) for _, _, utterance in lines],
        "attachment_id": [None if one is None else one.attachment_id for one in attachments],
        "attachment": [
            None if one is None else _replace_surrogates(one.name) for one in attachments
        ],
        "analysis_version": [UTTERANCES_TABLE.analysis_version] * len(lines),
    }
    return arrow.from_columns(columns, UTTERANCES_TABLE.schema)


def _replace_surrogates(text: str | None) -> str | None:
    """Return ``text`` with ``?`` for each lone surrogate, which UTF-8 cannot encode.

    Escapes in JSON can make such code points.
    """
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()
