"""The lake's derived tables: records, arrivals, utterances."""

from everlake.lake.errors import LakeDamaged, LakeError, LakeUnavailable
from everlake.lake.lake import Lake
from everlake.lake.rows import (
    AnalysedRecord,
    ArrivedRecord,
    AttachedText,
    RecordFilters,
    RecordPage,
    StoredRecord,
    UtteranceFilters,
)

__all__ = [
    "AnalysedRecord",
    "ArrivedRecord",
    "AttachedText",
    "Lake",
    "LakeDamaged",
    "LakeError",
    "LakeUnavailable",
    "RecordFilters",
    "RecordPage",
    "StoredRecord",
    "UtteranceFilters",
]
