"""Character encodings: decodes text whose encoding is often not stated."""

import codecs
import re
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
_JAPANESE = "iso2022-jp-ext"
_JIS_RUN = re.compile(rb"\x1b(\$[@B]|\([BJI])([^\x1b]*+)")
_SEVEN_BIT = frozenset(
    {"iso2022-jp-ext", "iso2022-jp-2", "iso2022-jp-3", "iso2022-jp-2004", "iso2022-kr", "hz",
     "utf-7"}
)  # fmt: skip
_ESCAPES = {
    b"\x1b$)C": "iso2022-kr",
    b"\x1b$B": "iso2022-jp-ext",
    b"\x1b$@": "iso2022-jp-ext",
    b"\x1b(I": "iso2022-jp-ext",
}
"""Encodings by the escape sequences that no other text has."""

_ALIASES = {
    **dict.fromkeys(
        ("iso-2022-jp", "iso2022-jp", "csiso2022jp", "iso-2022-jp-1", "iso-2022-jp-ms", "cp50220",
         "cp50221", "cp50222", "x-iso-2022-jp"),
        "iso2022-jp-ext",
    ),
    "iso-2022-jp-2": "iso2022-jp-2",
    "iso-2022-jp-3": "iso2022-jp-3",
    "iso-2022-jp-2004": "iso2022-jp-2004",
    **dict.fromkeys(("iso-2022-kr", "csiso2022kr"), "iso2022-kr"),
    **dict.fromkeys(("hz-gb-2312", "hz-gb2312", "hzgb"), "hz"),
    **dict.fromkeys(("utf7", "unicode-1-1-utf-7", "x-unicode-2-0-utf-7", "csunicode11utf7"),
                    "utf-7"),
    **dict.fromkeys(("shift-jis", "shift_jis", "sjis", "x-sjis", "windows-31j"), "cp932"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "cp936", "gb-2312-80", "euc-cn"), "gb18030"),
    **dict.fromkeys(("ks-c-5601-1987", "ks-c-5601", "ksc5601", "euc-kr", "x-windows-949"), "cp949"),
    **dict.fromkeys(("big5", "x-x-big5", "cn-big5"), "big5hkscs"),
    **dict.fromkeys(("iso-8859-1", "latin1", "us-ascii", "ascii"), "cp1252"),
    **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e"), "iso-8859-8"),
    **dict.fromkeys(("tis-620", "windows-874", "iso-8859-11"), "cp874"),
    "x-mac-roman": "mac-roman",
    "utf8mb4": "utf-8",
}  # fmt: skip
"""Encodings by the names that mails give them, each by the superset that programs really write."""

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

    The encoding is that of a byte order mark, else UTF-16 if every other byte is zero, else a
    7-bit one if that is stated or its escape sequences are there, else UTF-8 if that is valid,
    else ``declared``, else detected.

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
    if encoding := _seven_bit_encoding(data, declared):
        return _decode_seven_bit(data, encoding)
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data, final=not truncated)
    except UnicodeDecodeError:
        pass
    if declared is not None and (text := decode_stated(data, declared)) is not None:
        return text
    return data.decode(_guess_encoding(data), "replace")


def decode_stated(data: bytes, encoding: str) -> str | None:
    """Return text in a stated encoding; None when it is none that is known."""
    name = encoding.strip().strip("\"'").lower().replace("_", "-")
    try:
        if not codecs.lookup(found := _ALIASES.get(name, name))._is_text_encoding:  # noqa: SLF001 - as str.encode asks
            return None
        return data.decode(found, "replace")
    except (LookupError, ValueError, AttributeError):
        return None


def _decode_seven_bit(data: bytes, encoding: str) -> str:
    text = data.decode(encoding, "replace")
    if encoding == _JAPANESE and "\ufffd" in text:
        # Windows writes circled numbers and the like, which the standard does not have.
        return _JIS_RUN.sub(_to_shift_jis, data).decode("cp932", "replace")
    return text


def _to_shift_jis(run: re.Match[bytes]) -> bytes:
    """Return a run of JIS X 0208 (two bytes a character) or another run in Shift JIS."""
    if run[1] not in (b"$B", b"$@"):
        return bytes(byte | 0x80 for byte in run[2]) if run[1] == b"(I" else run[2]
    converted = bytearray()
    for row, cell in zip(run[2][::2], run[2][1::2], strict=False):
        if not (0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E):
            converted += bytes((row, cell))
            continue
        lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
        trail = cell + (0x1F + (cell > 0x5F) if row % 2 else 0x7E)
        converted += bytes((lead, trail))
    return bytes(converted)


def _seven_bit_encoding(data: bytes, declared: str | None) -> str | None:
    """Return the encoding of text whose bytes are all ASCII and that is no ASCII text."""
    if not data.isascii():
        return None
    if declared is not None:
        name = declared.strip().lower().replace("_", "-")
        name = _ALIASES.get(name, name)
        if name in _SEVEN_BIT:
            return name
    return next((name for mark, name in _ESCAPES.items() if mark in data), None)


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
