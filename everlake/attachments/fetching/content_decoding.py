"""Streaming decoder for the content codings gzip and deflate, with bounded output."""

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from everlake.attachments.fetching.failures import bad_response, cut_off

if TYPE_CHECKING:
    from zlib import _Decompress  # pyright: ignore[reportPrivateUsage]

MAX_OUTPUT_BYTES = 256 * 1024
"""Largest piece of decoded content, regardless of how well the input compresses."""

# The unused rest of the input is copied after every gzip member. Bounding the input keeps the
# total cost linear for a response of countless empty members.
_MAX_INPUT_BYTES = 16 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


def decode_content(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """Yield the decoded content of ``chunks``, in pieces of at most ``MAX_OUTPUT_BYTES``.

    Args:
        chunks: encoded content.
        coding: ``gzip``, of one member or several (RFC 1952, section 2.2); or ``deflate``, with
            zlib's frame or without it, as some servers send it (RFC 9110, section 8.4.1.2).

    Raises:
        FetchError: ``BAD_ANSWER`` when the content is not encoded so; ``CUT_OFF`` when it is
            truncated.
    """
    decoder: _Decompress | None = None
    is_empty = True
    for data in _bounded_pieces(chunks):
        rest = data
        while rest:
            if decoder is None:
                decoder = zlib.decompressobj(_window_bits(rest, coding))
                is_empty = False
            try:
                decoded = decoder.decompress(rest, MAX_OUTPUT_BYTES)
            except zlib.error as error:
                raise bad_response(f"sent content that is not encoded as {coding}") from error
            if decoded:
                yield decoded
            rest = decoder.unconsumed_tail
            if decoder.eof:
                rest = decoder.unused_data
                decoder = None
                # Only gzip has further members; zero bytes after a member are padding.
                if coding != "gzip" or not rest.lstrip(b"\0"):
                    rest = b""
    if decoder is not None or is_empty:
        raise cut_off()


def _bounded_pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _MAX_INPUT_BYTES):
            yield chunk[start : start + _MAX_INPUT_BYTES]


def _window_bits(start: bytes, coding: str) -> int:
    """Return zlib's ``wbits`` for content that starts with these bytes."""
    if coding == "gzip":
        return _GZIP
    # RFC 1950: the low four bits are the method, 8, and the first two bytes a multiple of 31.
    has_frame = start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0
    return _ZLIB if has_frame or len(start) == 1 else _RAW
