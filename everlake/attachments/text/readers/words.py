"""Plain text of all kinds, captions, and HTML."""

import re
from typing import BinaryIO

from everlake.attachments.text.gather import Gathered
from everlake.attachments.text.model import TextKind
from everlake.attachments.text.readers.charset import beginning, decode
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
    gathered.add(decode(beginning(file, gathered, task)))


def read_captions(file: BinaryIO, gathered: Gathered, task: Task) -> None:
    """WebVTT or SubRip as it is, for whoever makes speakers' turns of it.

    Raises:
        TextError: it is no text.
    """
    gathered.kind = TextKind.CAPTIONS
    gathered.add(decode(beginning(file, gathered, task)))


def read_html(file: BinaryIO, gathered: Gathered, task: Task) -> None:
    """What a reader of the page sees.

    Raises:
        TextError: it is no text.
    """
    gathered.add(html_text(beginning(file, gathered, task)))


def html_text(data: bytes, stated: str | None = None) -> str:
    """The text of an HTML page; ``stated`` is its encoding, which a ``meta`` may tell as well."""
    found = _CHARSET.search(data[:_HEAD])
    return html_to_text(decode(data, stated or (found[1].decode("ascii") if found else None)))
