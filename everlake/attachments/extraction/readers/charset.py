"""Character encodings: decodes text whose encoding is often not stated."""

import codecs
from typing import BinaryIO

import charset_normalizer

from everlake.attachments.extraction.errors import damaged_file
from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.text_builder import TextBuilder

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MARKUP_BYTES_PER_CHARACTER = 16
"""Bytes of a file for each character of its text, where most of it may be markup."""

_SAMPLE_BYTES = 32 * 1024
_MIN_NON_ASCII_BYTES = 40
"""Non-ASCII bytes that the detector needs; its answer to fewer is arbitrary."""


def read_head(
    file: BinaryIO, builder: TextBuilder, task: ExtractionTask, *, bytes_per_character: int = 4
) -> bytes:
    """Return as much of a file as its text can take, and set ``builder.truncated``.

    Args:
        bytes_per_character: bytes of the file for each character of the text; text encodings have
            at most four.
    """
    size = min(
        task.limits.max_file_bytes,
        bytes_per_character * task.limits.max_characters + bytes_per_character,
    )
    data = file.read(size + 1)
    builder.truncated = len(data) > size
    return data[:size]


def read_plain_text(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> str:
    """Return the text of a plain text file, up to the limits.

    Raises:
        TextError: the file is not text.
    """
    data = read_head(file, builder, task)
    return decode_text(data, truncated=builder.truncated)


def decode_text(data: bytes, declared: str | None = None, *, truncated: bool = False) -> str:
    """Return the text of ``data``.

    The encoding is that of a byte order mark, else UTF-16 if every other byte is zero, else UTF-8
    if that is valid, else ``declared``, else detected.

    Args:
        declared: the stated encoding.
        truncated: whether more bytes follow, so that the last character may be incomplete.

    Raises:
        TextError: the bytes are not text.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if encoding := _detect_utf16(data):
        return data.decode(encoding, "replace")
    if b"\0" in data[:_SAMPLE_BYTES]:
        raise damaged_file("it is stated to be text and is not")
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
    """Return the UTF-16 variant of text in Latin script, in which every other byte is zero."""
    sample = data[:_SAMPLE_BYTES]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half >= 4 and odd > half * 0.7 and even < half * 0.05:
        return "utf-16-le"
    if half >= 4 and even > half * 0.7 and odd < half * 0.05:
        return "utf-16-be"
    return None


def _guess_encoding(data: bytes) -> str:
    first = next(index for index, byte in enumerate(data) if byte > 0x7F)
    sample = data[max(0, first - 1_000) :][:_SAMPLE_BYTES]
    if sum(byte > 0x7F for byte in sample) < _MIN_NON_ASCII_BYTES:
        return "cp1252"
    best = charset_normalizer.from_bytes(sample).best()
    return best.encoding if best else "cp1252"
