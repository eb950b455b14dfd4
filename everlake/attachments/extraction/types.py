"""Text of a file, and the limits and options of an extraction."""

from enum import StrEnum

import msgspec


class TextKind(StrEnum):
    """How a text is structured."""

    PROSE = "prose"
    CAPTIONS = "captions"
    """WebVTT or SubRip, decoded and otherwise as in the file."""
    MAIL = "mail"
    """A section for each message: a line for each header, a blank line, and the text."""


class TextSection(msgspec.Struct, frozen=True):
    """A part of a file's text.

    Attributes:
        text: what the part says.
        place: where it is in the file, for people: "page 3", "slide 2", "sheet Prices"; None in
            formats without such places. Consecutive sections may have the same place.
    """

    text: str
    place: str | None = None


class AttachmentText(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a file, as it is stored beside the content.

    Attributes:
        kind: how it is structured.
        sections: in reading order, in valid Unicode without control characters other than line
            feeds and tabs; none where the file has no text, such as a scanned PDF.
        truncated: whether the file goes on after the last section.
    """

    kind: TextKind
    sections: tuple[TextSection, ...]
    truncated: bool = False


class TranscriptionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How speech in recordings is transcribed.

    Attributes:
        model: absolute path of a directory with a Whisper model in the format of CTranslate2.
        threads: threads that work on one recording.
        max_seconds: length of a recording after which the rest is left out.
    """

    model: str
    threads: int = 1
    max_seconds: float = 4 * 3_600


class ExtractionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one extraction.

    Attributes:
        seconds: wall-clock time, and processor time of each thread.
        memory_bytes: data of the reading process (``RLIMIT_DATA``, getrlimit(2)).
        max_characters: length after which the text is truncated.
        max_file_bytes: size after which a plain text or CSV is truncated and a file of another
            format is rejected; recordings may have any size.
        user_id: user and group that the reading process changes to where it runs as root; 0: it
            stays root.
    """

    seconds: float = 120
    memory_bytes: int = 1024 * 1024 * 1024
    max_characters: int = 5_000_000
    max_file_bytes: int = 256 * 1024 * 1024
    user_id: int = 65_534
