"""HTML pages."""

import re
from typing import BinaryIO

from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.charset import (
    MARKUP_BYTES_PER_CHARACTER,
    decode_text,
    read_head,
)
from everlake.attachments.extraction.text_builder import TextBuilder
from everlake.markup import html_to_text

_CHARSET = re.compile(
    rb"<meta[^>]{0,200}charset\s{0,5}=\s{0,5}[\"']?([\w.:-]{1,40})", re.IGNORECASE
)
_META_BYTES = 4_096


def read(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """Add the text that a browser would show.

    Raises:
        TextError: the file is not text.
    """
    data = read_head(file, builder, task, bytes_per_character=MARKUP_BYTES_PER_CHARACTER)
    builder.add(html_to_text(html_source(data, truncated=builder.truncated)))


def html_source(data: bytes, declared: str | None = None, *, truncated: bool = False) -> str:
    """Return an HTML page as text, whose encoding a ``meta`` element may state.

    Args:
        declared: encoding stated elsewhere, which counts before the element.
        truncated: whether the page goes on.

    Raises:
        TextError: the bytes are not text.
    """
    found = _CHARSET.search(data[:_META_BYTES])
    stated = found[1].decode("ascii", "replace") if found else None
    return decode_text(data, declared or stated, truncated=truncated)
