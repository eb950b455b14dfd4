"""What comes out of a file, and what is said where nothing does."""

from enum import StrEnum

import msgspec


class TextKind(StrEnum):
    """How the text is to be taken."""

    PROSE = "prose"
    CAPTIONS = "captions"
    """WebVTT or SubRip as it stands in the file, decoded and nothing more."""


class TextSection(msgspec.Struct, frozen=True):
    """A part of the file's text.

    ``place`` is for people: "page 3", "slide 2", "sheet Prices"; None where there is no such
    thing. Consecutive sections may have the same place.
    """

    text: str
    place: str | None = None


class AttachmentText(msgspec.Struct, frozen=True, kw_only=True):
    """A file's text in reading order.

    It is valid Unicode without control characters but line feeds and tabs. ``truncated`` says
    that the file goes on and only its beginning was read. There are no sections where the file
    has no text, such as a scanned PDF.
    """

    kind: TextKind
    sections: tuple[TextSection, ...]
    truncated: bool = False


class TextCode(StrEnum):
    """Why there is no text."""

    UNSUPPORTED = "UNSUPPORTED"
    EXTRA_MISSING = "EXTRA_MISSING"
    TOO_LARGE = "TOO_LARGE"
    TIMED_OUT = "TIMED_OUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    DAMAGED = "DAMAGED"
    ENCRYPTED = "ENCRYPTED"
    CRASHED = "CRASHED"
    UNAVAILABLE = "UNAVAILABLE"


class TextError(Exception):
    """No text comes out of a file.

    Args:
        code: why.
        message: for the customer; says what to do and nothing of the inside.
        passes: whether a later try may succeed with the file as it is.
    """

    def __init__(self, code: TextCode, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable


class ExtractionStopped(Exception):
    """The reading was called off; nothing is known of the file."""


class RecordingDetected(TextError):
    """The file is a recording, and whoever was asked writes down no speech."""


class TranscriptionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How speech in recordings is written down.

    ``model`` is a directory with a Whisper model in the form of CTranslate2, as an absolute path.
    ``threads`` listen to a recording; of one that is longer than ``most_seconds`` only so much is
    written down.
    """

    model: str
    threads: int = 1
    max_seconds: float = 4 * 3_600


class ExtractionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one extraction.

    ``seconds`` is both wall-clock time and processor time, that of a thread. ``memory_bytes``
    bounds the data of the reading process (``RLIMIT_DATA``, getrlimit(2)). ``most_characters``
    bounds the text: there the text is cut. Of a plain text or CSV no more than ``most_file_bytes``
    are read; a recording may have any size; any other file larger than this is refused.
    """

    seconds: float = 120
    memory_bytes: int = 1024 * 1024 * 1024
    max_characters: int = 5_000_000
    max_file_bytes: int = 256 * 1024 * 1024
