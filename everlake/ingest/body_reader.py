"""Request bodies: decompression, and the size limit, while a body arrives."""

from collections.abc import Callable, Mapping

from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest.decompression import (
    DECOMPRESSION_ERRORS,
    Decompressor,
    GzipDecompressor,
    IdentityDecompressor,
    ZstdDecompressor,
)

_FRAMING_ALLOWANCE = 64 * 1024
"""Bytes by which a compressed body may be larger than the limit of its content."""

_DECOMPRESSORS: Mapping[str, Callable[[], Decompressor]] = {
    "": IdentityDecompressor,
    "identity": IdentityDecompressor,
    "gzip": GzipDecompressor,
    "x-gzip": GzipDecompressor,
    "zstd": ZstdDecompressor,
}


class BodyReader:
    """Collects a body chunk by chunk, and raises as soon as it is too large.

    Args:
        content_encoding: the ``Content-Encoding`` header; empty if there is none.
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
        self._decompressor = _DECOMPRESSORS[name]()
        self._limit = limit
        self._received = 0
        self._size = 0
        self._parts: list[bytes] = []

    @property
    def is_compressed(self) -> bool:
        """Whether the body is decompressed."""
        return not isinstance(self._decompressor, IdentityDecompressor)

    def most_bytes(self, length: int) -> int:
        """Return the most bytes that a body of this length has after decompression."""
        return self._limit if self.is_compressed else min(length, self._limit)

    def check_length(self, content_length: int) -> None:
        """Check the announced length of a body before it is read.

        Raises:
            WireError: ``PAYLOAD_TOO_LARGE``.
        """
        allowance = _FRAMING_ALLOWANCE if self.is_compressed else 0
        if content_length > self._limit + allowance:
            raise self._too_large()

    def feed(self, chunk: bytes) -> None:
        """Add the next chunk, as received.

        Raises:
            WireError: ``PAYLOAD_TOO_LARGE``, or ``INVALID_BODY`` for invalid compressed data.
        """
        self._received += len(chunk)
        if self._received > self._limit + _FRAMING_ALLOWANCE:
            raise self._too_large()
        try:
            part = self._decompressor.feed(chunk, self._limit - self._size + 1)
        except DECOMPRESSION_ERRORS:
            raise _invalid_compression() from None
        self._size += len(part)
        if self._size > self._limit:
            raise self._too_large()
        if part:
            self._parts.append(part)

    def finish(self) -> bytes:
        """Return the whole body, decompressed.

        Raises:
            WireError: ``INVALID_BODY`` for a truncated compressed body.
        """
        if not self._decompressor.is_finished():
            raise _invalid_compression()
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


def _invalid_compression() -> WireError:
    return WireError(
        ErrorCode.INVALID_BODY,
        "The body cannot be decompressed: it is truncated, or is not what Content-Encoding says.",
    )
