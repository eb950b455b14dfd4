"""Plain text of all kinds, captions, and HTML."""

import re
from typing import BinaryIO

from everlake.attachments.text.gather import Gathered
from everlake.attachments.text.model import TextKind
from everlake.attachments.text.readers.charset import MARKED_UP, beginning, decode, read_words
from everlake.attachments.text.wire import Task
from everlake.markup import html_to_text

_CHARSET = re.compile(
    rb"<meta[^>]{0,200}charset\s{0,5}=\s{0,5}[\"']?([\w.:-]{1,40})", re.IGNORECASE
)
_HEAD = 4_096


def read_text(file: BinaryIO, gathered: Gathered, task: Task) -> None:
    """The text as it is.

    Raises:
        TextError: it is no text.
    """
    gathered.add(read_words(file, gathered, task))


def read_captions(file: BinaryIO, gathered: Gathered, task: Task) -> None:
    """WebVTT or SubRip as it is, for whoever makes speakers' turns of it.

    Raises:
        TextError: it is no text.
    """
    gathered.kind = TextKind.CAPTIONS
    gathered.add(read_words(file, gathered, task))


def read_html(file: BinaryIO, gathered: Gathered, task: Task) -> None:
    """What a reader of the page sees.

    Raises:
        TextError: it is no text.
    """
    data = beginning(file, gathered, task, each=MARKED_UP)
    gathered.add(html_text(data, cut=gathered.truncated))


def html_text(data: bytes, stated: str | None = None, *, cut: bool = False) -> str:
    """The text of an HTML page, whose encoding a ``meta`` may tell; arguments as of ``decode``."""
    found = _CHARSET.search(data[:_HEAD])
    told = found[1].decode("ascii", "replace") if found else None
    return html_to_text(decode(data, stated or told, cut=cut))
