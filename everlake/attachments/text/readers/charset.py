"""Bytes to text where nobody says in which encoding they are."""

import codecs
from typing import BinaryIO

import charset_normalizer

from everlake.attachments.text.gather import Gathered
from everlake.attachments.text.readers.faults import damaged
from everlake.attachments.text.wire import Task

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MARKED_UP = 16
"""Bytes a character of the text where most of a file may be markup."""

_SAMPLE = 32 * 1024
_TELLING = 40
"""Bytes beyond ASCII from which on the detector is asked; of fewer it says anything."""


def beginning(file: BinaryIO, gathered: Gathered, task: Task, *, each: int = 4) -> bytes:
    """As much of a file as its text can need, and note whether it goes on.

    Args:
        each: bytes a character of the text; of UTF-8 and its like there are at most four.
    """
    most = min(task.limits.most_file_bytes, each * task.limits.most_characters + each)
    data = file.read(most + 1)
    gathered.truncated = len(data) > most
    return data[:most]


def read_words(file: BinaryIO, gathered: Gathered, task: Task) -> str:
    """The text of a file that is nothing but text, as much as is wanted of it.

    Raises:
        TextError: it is no text.
    """
    data = beginning(file, gathered, task)
    return decode(data, cut=gathered.truncated)


def decode(data: bytes, stated: str | None = None, *, cut: bool = False) -> str:
    """The text of ``data``: by its mark, as UTF-8, as ``stated``, or as it looks.

    Args:
        stated: the encoding it is said to have.
        cut: whether more follows, so that the last character may be a part of one.

    Raises:
        TextError: these bytes are no text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if encoding := _wide(data):
        return data.decode(encoding, "replace")
    if b"\0" in data[:_SAMPLE]:
        raise damaged("it is said to be text and is not")
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data, final=not cut)
    except UnicodeDecodeError:
        pass
    if stated is not None and (text := _decoded(data, stated)) is not None:
        return text
    return data.decode(_guess(data), "replace")


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        if not codecs.lookup(encoding)._is_text_encoding:  # noqa: SLF001 - as str.encode asks
            return None
        return data.decode(encoding, "replace")
    except (LookupError, ValueError, AttributeError):
        return None


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark, as Western text shows it: every other byte is zero."""
    sample = data[:_SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half >= 4 and odd > half * 0.7 and even < half * 0.05:
        return "utf-16-le"
    if half >= 4 and even > half * 0.7 and odd < half * 0.05:
        return "utf-16-be"
    return None


def _guess(data: bytes) -> str:
    first = next(place for place, byte in enumerate(data) if byte > 0x7F)
    sample = data[max(0, first - 1_000) :][:_SAMPLE]
    if sum(byte > 0x7F for byte in sample) < _TELLING:
        return "cp1252"
    best = charset_normalizer.from_bytes(sample).best()
    return best.encoding if best else "cp1252"
