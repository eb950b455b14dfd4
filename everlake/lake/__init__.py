"""Lake: one repository for each derived table (records, arrivals, utterances)."""

from everlake.lake.lake import Lake
from everlake.tables.errors import LakeDamaged, LakeError, LakeUnavailable

__all__ = ["Lake", "LakeDamaged", "LakeError", "LakeUnavailable"]
