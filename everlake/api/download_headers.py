"""Headers of downloaded content: saved under a harmless name, and never shown by a browser."""

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

BINARY = "application/octet-stream"
_DEFAULT_NAME = "attachment"
_MAX_NAME_LENGTH = 150
_MAX_SUFFIX_LENGTH = 20

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}")
"""Type and subtype (RFC 6838, 4.2), in lower case."""
_ACTIVE_TYPE = re.compile(
    r"html|[+/]xml|svg|script|xsl|flash|java|multipart/|message/|wasm|manifest"
)
"""Occurs in the names of types that a browser might run, or split into parts that it runs."""
_ATTR_CHARS = "!#$&+-.^_`|~"
"""Characters besides letters and digits that a value need not encode (RFC 8187, 3.2.1)."""


def content_headers(*, mime_type: str | None, name: str | None, sha256: str) -> dict[str, str]:
    """Return the headers of a content, by lower-case name.

    Args:
        mime_type: of the content; a type that a browser might run is not passed on.
        name: the file name that the record states.
        sha256: of the content, which is its entity tag.
    """
    return {
        "content-type": safe_media_type(mime_type),
        "content-disposition": content_disposition(name),
        "etag": f'"{sha256}"',
        "accept-ranges": "bytes",
        "cache-control": "private",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
    }


def safe_media_type(mime_type: str | None) -> str:
    """Return the content's media type, or that of bytes when a browser might run the content."""
    essence = (mime_type or "").partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(essence) or _ACTIVE_TYPE.search(essence):
        return BINARY
    return essence


def safe_filename(name: str | None) -> str:
    """Return the last part of a path, without characters that are invisible or reorder text."""
    last = re.split(r"[/\\]", name or "")[-1]
    # Control characters, formats (some reorder letters), surrogates, line and paragraph breaks.
    kept = "".join(
        each for each in last if unicodedata.category(each) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    )
    kept = kept.strip(" .")
    if len(kept) > _MAX_NAME_LENGTH:
        suffix = PurePosixPath(kept).suffix
        suffix = suffix if len(suffix) <= _MAX_SUFFIX_LENGTH else ""
        kept = kept[: _MAX_NAME_LENGTH - len(suffix)].rstrip(" .") + suffix
    return kept or _DEFAULT_NAME


def content_disposition(name: str | None) -> str:
    """Return a ``Content-Disposition`` header that saves content under ``name`` (RFC 6266, 4).

    ``filename`` is ASCII, for clients that do not know ``filename*`` (RFC 8187).
    """
    safe = safe_filename(name)
    plain = "".join(each if each.isascii() and each not in '"\\%' else "_" for each in safe)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe=_ATTR_CHARS)}"
