"""The lake's derived tables: records, arrivals, utterances."""

from everlake.lake.lake import Lake
from everlake.model.records import (
    ArrivedRecord,
    AttachmentUtterances,
    RecordFilters,
    RecordPage,
    RecordUtterances,
    StoredRecord,
    UtteranceFilters,
)
from everlake.tables.errors import LakeDamaged, LakeError, LakeUnavailable

__all__ = [
    "ArrivedRecord",
    "AttachmentUtterances",
    "Lake",
    "LakeDamaged",
    "LakeError",
    "LakeUnavailable",
    "RecordFilters",
    "RecordPage",
    "RecordUtterances",
    "StoredRecord",
    "UtteranceFilters",
]
