"""Text out of one local file, in a process of its own with bounds on memory and time."""

from everlake.attachments.extraction.codec import TextDamaged, decode, encode
from everlake.attachments.extraction.extractor import Extractor
from everlake.attachments.extraction.formats import is_extractable
from everlake.attachments.extraction.types import (
    AttachmentText,
    ExtractionLimits,
    ExtractionStopped,
    RecordingDetected,
    TextCode,
    TextError,
    TextKind,
    TextSection,
    TranscriptionOptions,
)

__all__ = [
    "AttachmentText",
    "ExtractionLimits",
    "ExtractionStopped",
    "Extractor",
    "RecordingDetected",
    "TextCode",
    "TextDamaged",
    "TextError",
    "TextKind",
    "TextSection",
    "TranscriptionOptions",
    "decode",
    "encode",
    "is_extractable",
]
