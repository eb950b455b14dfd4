"""What a fetch is held to, and what it gives."""

from pathlib import Path

import msgspec


class FetchLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one fetch.

    Attributes:
        max_bytes: greatest size of the content, after decoding.
        connect_timeout: seconds for a connection to one address, its TLS included.
        idle_timeout: seconds without a byte; also, for the whole of an answer's headers.
        total_timeout: seconds for everything, all redirects included, from the moment that the
            host of the URL has a connection free for it.
        redirects: greatest number of redirects followed.
    """

    max_bytes: int = 2 * 1024**3
    connect_timeout: float = 10
    idle_timeout: float = 30
    total_timeout: float = 3_600
    max_redirects: int = 5


class ExpectedContent(msgspec.Struct, frozen=True, kw_only=True):
    """What the record states of its attachment; None where it states nothing.

    Attributes:
        size: bytes.
        sha1: 40 hexadecimal digits, in either case.
        md5: 32 hexadecimal digits, in either case.
    """

    size: int | None = None
    sha1: str | None = None
    md5: str | None = None


class SpooledContent(msgspec.Struct, frozen=True, kw_only=True):
    """Whole content in the spool, checked against what was expected of it.

    Attributes:
        content: a file, not synced yet, which stays as it is until it is dropped from the spool;
            or the bytes themselves, where they are few.
        size: bytes.
        sha256: 64 hexadecimal digits in lower case.
        mime_type: as found in the bytes; as stated where they do not tell.
    """

    content: Path | bytes
    size: int
    sha256: str
    mime_type: str
