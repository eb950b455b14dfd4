"""Stepwise decompression of request bodies, with bounded output and memory.

The client decompresses files as well (:mod:`everlake.client.input_files`), but trusts them: it has
no bounds, and shares no code with this.
"""

import zlib
from typing import Protocol

import zstandard

DECOMPRESSION_ERRORS = (zlib.error, zstandard.ZstdError)

_GZIP_STEP = 4_096
"""Input bytes of a call: a member that ends copies what is left of the call's input."""
_ZSTD_STEP = 256
"""Input bytes of a call: 4 bytes can stand for 128 KiB, so a call's output is at most 8 MiB."""


class Decompressor(Protocol):
    """Decompresses a stream chunk by chunk."""

    def feed(self, chunk: bytes, max_size: int) -> bytes:
        """Return the content of the next chunk.

        Args:
            chunk: compressed.
            max_size: after this many bytes of output, the rest of the chunk is ignored. The result
                may be longer by one step of the algorithm.
        """
        ...

    def is_finished(self) -> bool:
        """Return whether the stream is complete."""
        ...


class IdentityDecompressor:
    """A body without compression."""

    def feed(self, chunk: bytes, max_size: int) -> bytes:
        """Return the chunk."""
        return chunk[:max_size]

    def is_finished(self) -> bool:
        """Return True: any end is complete."""
        return True


class GzipDecompressor:
    """Gzip with any number of members (RFC 1952, 2.2)."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)
        self._started = False

    def feed(self, chunk: bytes, max_size: int) -> bytes:
        """See :meth:`Decompressor.feed`."""
        parts: list[bytes] = []
        for start in range(0, len(chunk), _GZIP_STEP):
            pending = chunk[start : start + _GZIP_STEP]
            while pending and max_size > 0:
                if self._stream.eof:
                    self._stream = zlib.decompressobj(wbits=31)
                self._started = True
                part = self._stream.decompress(pending, max_size)
                parts.append(part)
                max_size -= len(part)
                pending = self._stream.unconsumed_tail or self._stream.unused_data
        return b"".join(parts)

    def is_finished(self) -> bool:
        """Return whether the last member is complete."""
        return self._started and self._stream.eof


class ZstdDecompressor:
    """One or more Zstandard frames, windows of at most 8 MiB (RFC 8878, 3.1.1.1.2)."""

    def __init__(self) -> None:
        self._context = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024)
        self._stream = self._context.decompressobj()
        self._started = False

    def feed(self, chunk: bytes, max_size: int) -> bytes:
        """See :meth:`Decompressor.feed`."""
        parts: list[bytes] = []
        for start in range(0, len(chunk), _ZSTD_STEP):
            pending = chunk[start : start + _ZSTD_STEP]
            while pending and max_size > 0:
                if self._stream.eof:
                    self._stream = self._context.decompressobj()
                self._started = True
                part = self._stream.decompress(pending)
                parts.append(part)
                max_size -= len(part)
                pending = self._stream.unused_data if self._stream.eof else b""
        return b"".join(parts)

    def is_finished(self) -> bool:
        """Return whether the last frame is complete."""
        return self._started and self._stream.eof
