"""Header values of email: encoded words (RFC 2047), raw UTF-8 and raw text of other encodings."""

from email.errors import HeaderParseError
from email.header import decode_header

from everlake.attachments.extraction.errors import TextError
from everlake.attachments.extraction.readers.charset import decode_stated, decode_text

_MAX_CHARACTERS = 10_000


def header_text(value: str) -> str:
    """Return a header's text in one line, with its encoded words decoded.

    Args:
        value: the value as :mod:`email` parses it: bytes beyond ASCII are lone surrogates.
    """
    value = value[:_MAX_CHARACTERS]
    data = value.encode("utf-8", "surrogateescape")
    if not data.isascii() or b"\x1b" in data:
        try:
            value = decode_text(data)
        except TextError:
            value = data.decode("utf-8", "replace")
    try:
        parts = [
            _decode_word(text, encoding) if isinstance(text, bytes) else text
            for text, encoding in decode_header(value)
        ]
    except (HeaderParseError, ValueError):
        parts = [value]
    text = "".join(parts).encode("utf-8", "replace").decode()
    return " ".join(text.split())


def _decode_word(data: bytes, encoding: str | None) -> str:
    if encoding is None:
        # decode_header returns text between encoded words as "raw-unicode-escape".
        return data.decode("raw-unicode-escape", "replace")
    text = decode_stated(data, encoding)
    return data.decode("latin-1") if text is None else text
