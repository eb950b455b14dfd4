"""Plain text of all kinds, captions, and HTML."""

import re
from typing import BinaryIO

from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.charset import (
    MARKUP_BYTES_PER_CHARACTER,
    decode_text,
    read_head,
    read_plain_text,
)
from everlake.attachments.extraction.text_builder import TextBuilder
from everlake.attachments.extraction.types import TextKind
from everlake.markup import html_to_text

_CHARSET = re.compile(
    rb"<meta[^>]{0,200}charset\s{0,5}=\s{0,5}[\"']?([\w.:-]{1,40})", re.IGNORECASE
)
_META_BYTES = 4_096


def read_text(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """The text as it is.

    Raises:
        TextError: it is no text.
    """
    builder.add(read_plain_text(file, builder, task))


def read_captions(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """WebVTT or SubRip as it is, for whoever makes speakers' turns of it.

    Raises:
        TextError: it is no text.
    """
    builder.kind = TextKind.CAPTIONS
    builder.add(read_plain_text(file, builder, task))


def read_html(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """What a reader of the page sees.

    Raises:
        TextError: it is no text.
    """
    data = read_head(file, builder, task, bytes_per_character=MARKUP_BYTES_PER_CHARACTER)
    builder.add(html_text(data, truncated=builder.truncated))


def html_text(data: bytes, declared: str | None = None, *, truncated: bool = False) -> str:
    """The text of an HTML page, whose encoding a ``meta`` may tell; arguments as of ``decode``."""
    found = _CHARSET.search(data[:_META_BYTES])
    told = found[1].decode("ascii", "replace") if found else None
    return html_to_text(decode_text(data, declared or told, truncated=truncated))
