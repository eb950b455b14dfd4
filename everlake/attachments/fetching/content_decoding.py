"""Undoing gzip and deflate while content comes in, a bounded piece at a time."""

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.http_headers import bad_response

if TYPE_CHECKING:
    from zlib import _Decompress  # pyright: ignore[reportPrivateUsage]

MAX_OUTPUT_BYTES = 256 * 1024
"""Bytes decoded at a time, however small what they come from."""

# What is left of a piece is copied with every member: endless empty ones must not cost squares.
_MAX_INPUT_BYTES = 16 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


def decode_content(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """The content of ``chunks``.

    Args:
        chunks: content coded by ``coding``.
        coding: ``gzip``, of one member or several (RFC 1952, section 2.2); or ``deflate``, with
            zlib's frame or, as some servers send it, without (RFC 9110, section 8.4.1.2).

    Raises:
        FetchError: ``BAD_ANSWER`` where it is not in this coding; ``CUT_OFF`` where it ends
            before its end.
    """
    coder: _Decompress | None = None
    begun = False
    for piece in (
        one[at : at + _MAX_INPUT_BYTES]
        for one in chunks
        for at in range(0, len(one), _MAX_INPUT_BYTES)
    ):
        rest = piece
        while rest:
            if coder is None:
                coder = zlib.decompressobj(_window_bits(rest, coding))
                begun = True
            try:
                data = coder.decompress(rest, MAX_OUTPUT_BYTES)
            except zlib.error as error:
                raise bad_response(
                    f"sent content that is not {coding}, as it says it is"
                ) from error
            if data:
                yield data
            rest = coder.unconsumed_tail
            if coder.eof:
                rest = coder.unused_data
                coder = None
                if coding != "gzip" or not rest.lstrip(b"\0"):
                    rest = b""
    if coder is not None or not begun:
        raise FetchError(
            FetchCode.CUT_OFF, "the content ended before its end: it is tried again", retryable=True
        )


def _window_bits(start: bytes, coding: str) -> int:
    if coding == "gzip":
        return _GZIP
    # A zlib frame begins with its method, 8, and its first two bytes are a multiple of 31.
    framed = start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0
    return _ZLIB if framed or len(start) == 1 else _RAW
