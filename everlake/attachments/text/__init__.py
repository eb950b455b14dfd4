"""Text out of one local file, in a process of its own with bounds on memory and time."""

from everlake.attachments.text.codec import TextDamaged, decode, encode
from everlake.attachments.text.extractor import Extractor
from everlake.attachments.text.formats import is_readable
from everlake.attachments.text.model import (
    AttachmentText,
    ExtractionLimits,
    RecordingFound,
    Section,
    Speech,
    Stopped,
    TextCode,
    TextError,
    TextKind,
)

__all__ = [
    "AttachmentText",
    "ExtractionLimits",
    "Extractor",
    "RecordingFound",
    "Section",
    "Speech",
    "Stopped",
    "TextCode",
    "TextDamaged",
    "TextError",
    "TextKind",
    "decode",
    "encode",
    "is_readable",
]
