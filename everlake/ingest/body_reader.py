"""Reading a request body: media type, content encoding, and the size limit while it comes."""

import zlib
from typing import Protocol

import zstandard

from everlake.contract.errors import ErrorCode, WireError

_FRAMING_ALLOWANCE = 64 * 1024
"""Room for the framing of a compressed body that does not shrink."""
_GZIP_STEP = 4_096
"""Input bytes a call: each member that ends copies what is left of the call's input."""
_ZSTD_STEP = 256
"""Input bytes a call: four bytes can stand for 128 KiB, so this bounds a call's output to 8 MiB."""


class _Decompressor(Protocol):
    def feed(self, chunk: bytes, max_size: int) -> bytes: ...
    def finished(self) -> bool: ...


class _Identity:
    def feed(self, chunk: bytes, max_size: int) -> bytes:
        return chunk[:max_size]

    def finished(self) -> bool:
        return True


class _Gzip:
    """Gzip with any number of members (RFC 1952, 2.2)."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)
        self._started = False

    def feed(self, chunk: bytes, max_size: int) -> bytes:
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

    def finished(self) -> bool:
        return self._started and self._stream.eof


class _Zstd:
    """One or more Zstandard frames (RFC 8878), windows of at most 8 MiB (its section 3.1.1.1.2)."""

    def __init__(self) -> None:
        self._context = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024)
        self._stream = self._context.decompressobj()
        self._started = False

    def feed(self, chunk: bytes, max_size: int) -> bytes:
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

    def finished(self) -> bool:
        return self._started and self._stream.eof


_DECOMPRESSORS: dict[str, type[_Identity] | type[_Gzip] | type[_Zstd]] = {
    "": _Identity,
    "identity": _Identity,
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "zstd": _Zstd,
}


class BodyReader:
    """Collects a body chunk by chunk and stops as soon as it is too large.

    Args:
        content_encoding: the ``Content-Encoding`` header, empty where there is none.
        limit: most bytes after decompression.

    Raises:
        WireError: ``UNSUPPORTED_MEDIA_TYPE`` for an encoding that is not accepted.
    """

    def __init__(self, content_encoding: str, limit: int) -> None:
        name = content_encoding.strip().lower()
        if name not in _DECOMPRESSORS:
            raise WireError(
                ErrorCode.UNSUPPORTED_MEDIA_TYPE,
                "Content-Encoding must be gzip or zstd, or be left out.",
            )
        self._decompressor: _Decompressor = _DECOMPRESSORS[name]()
        self._limit = limit
        self._received = 0
        self._size = 0
        self._parts: list[bytes] = []

    def check_length(self, content_length: int) -> None:
        """Refuse before reading when the announced length is already too large.

        Raises:
            WireError: ``PAYLOAD_TOO_LARGE``.
        """
        if content_length > self._limit + _FRAMING_ALLOWANCE or (
            isinstance(self._decompressor, _Identity) and content_length > self._limit
        ):
            raise self._too_large()

    def feed(self, chunk: bytes) -> None:
        """Take the next chunk as it came over the wire.

        Raises:
            WireError: ``PAYLOAD_TOO_LARGE``, or ``INVALID_BODY`` for a broken compression.
        """
        self._received += len(chunk)
        if self._received > self._limit + _FRAMING_ALLOWANCE:
            raise self._too_large()
        try:
            part = self._decompressor.feed(chunk, self._limit - self._size + 1)
        except (zlib.error, zstandard.ZstdError):
            raise _broken_compression() from None
        self._size += len(part)
        if self._size > self._limit:
            raise self._too_large()
        if part:
            self._parts.append(part)

    def finish(self) -> bytes:
        """The whole body, decompressed.

        Raises:
            WireError: ``INVALID_BODY`` when the compressed stream is cut off.
        """
        if not self._decompressor.finished():
            raise _broken_compression()
        body = b"".join(self._parts)
        self._parts.clear()
        return body

    def _too_large(self) -> WireError:
        self._parts.clear()
        return WireError(
            ErrorCode.PAYLOAD_TOO_LARGE,
            f"The body is larger than {self._limit:,} bytes after decompression: "
            "send it in several requests.",
        )


def _broken_compression() -> WireError:
    return WireError(
        ErrorCode.INVALID_BODY,
        "The body does not decompress: it is not what Content-Encoding says, or is cut off.",
    )
