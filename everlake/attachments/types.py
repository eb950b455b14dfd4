"""Types shared by fetching and spooling."""

from pathlib import Path

import msgspec


class ExpectedContent(msgspec.Struct, frozen=True, kw_only=True):
    """Properties of the content that the record states; None for each that it does not state.

    Attributes:
        size: bytes.
        sha1: 40 hexadecimal digits, in either case.
        md5: 32 hexadecimal digits, in either case.
    """

    size: int | None = None
    sha1: str | None = None
    md5: str | None = None


class SpooledContent(msgspec.Struct, frozen=True, kw_only=True):
    """Complete content in the spool, checked against :class:`ExpectedContent`.

    Attributes:
        content: a file, which is not synced and remains until the spool drops it; or the bytes
            themselves, for small content.
        size: bytes.
        sha256: 64 hexadecimal digits in lower case.
        mime_type: detected from the bytes; the stated one where they are ambiguous.
    """

    content: Path | bytes
    size: int
    sha256: str
    mime_type: str
