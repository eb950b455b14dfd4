"""Zstandard compression of landing objects (RFC 8878): one frame with a checksum each."""

from collections.abc import Iterator

import zstandard

from everlake.landing.errors import LandingDamaged

_LEVEL = 1
_CHUNK_SIZE = 1024
"""Compressed bytes that are decompressed at a time: few, as each may stand for thousands."""


def compress(data: bytes) -> bytes:
    """Return a frame that also has the size of its content."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(data)


def compression_stream() -> "zstandard.ZstdCompressionObj":
    """Return a compressor for one frame, to be fed in pieces."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()


def decompress(blob: bytes) -> bytes:
    """Return the content of a frame.

    Raises:
        LandingDamaged: the frame is malformed, truncated or followed by other bytes, or its
            checksum is wrong.
    """
    stream = zstandard.ZstdDecompressor().decompressobj()
    try:
        data = stream.decompress(blob)
    except zstandard.ZstdError as error:
        raise _unreadable(error) from error
    if not stream.eof or stream.unused_data:
        raise _incomplete()
    return data


def decompress_chunks(blob: bytes) -> Iterator[bytes]:
    """Yield the content of a frame in chunks, none of them empty.

    Raises:
        LandingDamaged: see :func:`decompress`; raised when the iteration reaches the damage.
    """
    stream = zstandard.ZstdDecompressor().decompressobj()
    read = 0
    try:
        while read < len(blob) and not stream.eof:
            chunk = stream.decompress(blob[read : read + _CHUNK_SIZE])
            read += _CHUNK_SIZE
            if chunk:
                yield chunk
    except zstandard.ZstdError as error:
        raise _unreadable(error) from error
    if not stream.eof or stream.unused_data or read < len(blob):
        raise _incomplete()


def content_checksum(blob: bytes) -> bytes:
    """Return the checksum at the end of a frame (RFC 8878, 3.1.1); equal for equal content."""
    return blob[-4:]


def _unreadable(error: zstandard.ZstdError) -> LandingDamaged:
    return LandingDamaged(f"its compressed frame cannot be read ({error})")


def _incomplete() -> LandingDamaged:
    return LandingDamaged("its compressed frame is truncated or followed by other bytes")
