"""How strangers' content is handed out: saved under a harmless name, and never shown in place."""

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
"""What stands in the names of types that a browser might run, or take apart into such."""
_ATTR_CHARS = "!#$&+-.^_`|~"
"""What may stand as it is in a value beside letters and digits (RFC 8187, 3.2.1)."""


def safe_media_type(mime_type: str | None) -> str:
    """The media type to say: the content's own where no browser can do harm with it."""
    essence = (mime_type or "").partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(essence) or _ACTIVE_TYPE.search(essence):
        return BINARY
    return essence


def safe_filename(name: str | None) -> str:
    """The last part of a name from outside, without what is not printed or turns text around."""
    last = re.split(r"[/\\]", name or "")[-1]
    # Controls, formats (they turn the order of letters), surrogates, line and paragraph breaks.
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
    """A ``Content-Disposition`` header (RFC 6266, 4) that has content saved under ``name``.

    ``filename`` is for those who do not know ``filename*`` (RFC 8187) and is plain ASCII.
    """
    safe = safe_filename(name)
    plain = "".join(each if each.isascii() and each not in '"\\%' else "_" for each in safe)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe=_ATTR_CHARS)}"
