"""Text extraction: the text of one local file, read in a process of its own with limits."""

from everlake.attachments.extraction.codec import TextDamaged, decode, encode
from everlake.attachments.extraction.errors import (
    ExtractionStopped,
    RecordingDetected,
    TextCode,
    TextError,
)
from everlake.attachments.extraction.extractor import Extractor
from everlake.attachments.extraction.formats import is_extractable
from everlake.attachments.extraction.types import (
    AttachmentText,
    ExtractionLimits,
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
