"""Bytes to text where nobody says in which encoding they are."""

import codecs
from typing import BinaryIO

import charset_normalizer

from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.failures import damaged_file
from everlake.attachments.extraction.text_builder import TextBuilder

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MARKUP_BYTES_PER_CHARACTER = 16
"""Bytes a character of the text where most of a file may be markup."""

_SAMPLE_BYTES = 32 * 1024
_MIN_NON_ASCII_BYTES = 40
"""Bytes beyond ASCII from which on the detector is asked; of fewer it says anything."""


def read_head(
    file: BinaryIO, builder: TextBuilder, task: ExtractionTask, *, bytes_per_character: int = 4
) -> bytes:
    """As much of a file as its text can need, and note whether it goes on.

    Args:
        bytes_per_character: bytes a character of the text; of UTF-8 and its like there are at most four.
    """
    most = min(
        task.limits.max_file_bytes,
        bytes_per_character * task.limits.max_characters + bytes_per_character,
    )
    data = file.read(most + 1)
    builder.truncated = len(data) > most
    return data[:most]


def read_plain_text(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> str:
    """The text of a file that is nothing but text, as much as is wanted of it.

    Raises:
        TextError: it is no text.
    """
    data = read_head(file, builder, task)
    return decode_text(data, truncated=builder.truncated)


def decode_text(data: bytes, declared: str | None = None, *, truncated: bool = False) -> str:
    """The text of ``data``: by its mark, as UTF-8, as ``declared``, or as it looks.

    Args:
        declared: the encoding it is said to have.
        truncated: whether more follows, so that the last character may be a part of one.

    Raises:
        TextError: these bytes are no text.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if encoding := _detect_utf16(data):
        return data.decode(encoding, "replace")
    if b"\0" in data[:_SAMPLE_BYTES]:
        raise damaged_file("it is said to be text and is not")
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data, final=not truncated)
    except UnicodeDecodeError:
        pass
    if declared is not None and (text := _try_decode(data, declared)) is not None:
        return text
    return data.decode(_guess_encoding(data), "replace")


def _try_decode(data: bytes, encoding: str) -> str | None:
    try:
        if not codecs.lookup(encoding)._is_text_encoding:  # noqa: SLF001 - as str.encode asks
            return None
        return data.decode(encoding, "replace")
    except (LookupError, ValueError, AttributeError):
        return None


def _detect_utf16(data: bytes) -> str | None:
    """UTF-16 without a mark, as Western text shows it: every other byte is zero."""
    sample = data[:_SAMPLE_BYTES]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half >= 4 and odd > half * 0.7 and even < half * 0.05:
        return "utf-16-le"
    if half >= 4 and even > half * 0.7 and odd < half * 0.05:
        return "utf-16-be"
    return None


def _guess_encoding(data: bytes) -> str:
    first = next(place for place, byte in enumerate(data) if byte > 0x7F)
    sample = data[max(0, first - 1_000) :][:_SAMPLE_BYTES]
    if sum(byte > 0x7F for byte in sample) < _MIN_NON_ASCII_BYTES:
        return "cp1252"
    best = charset_normalizer.from_bytes(sample).best()
    return best.encoding if best else "cp1252"
