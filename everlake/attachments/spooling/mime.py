"""MIME type detection by content.

Binary formats are recognised by their signatures (through :mod:`filetype`), ZIP archives by the
names in their directory, and text by its beginning.
"""

import csv
import re
import zipfile
from contextlib import suppress
from typing import BinaryIO, cast

import filetype  # pyright: ignore[reportMissingTypeStubs]
from filetype.types import (  # pyright: ignore[reportMissingTypeStubs]
    TYPES,
    document,
)

from everlake.contract.media_types import BINARY

HEAD_BYTES = 8_192
"""Number of bytes examined at the start of the content."""

# Without the ZIP-based formats: _detect_archive reads those, and their matchers are slow.
_SIGNATURES = [each for each in TYPES if not isinstance(each, document.ZippedDocumentBase)]
_MAX_DIRECTORY_BYTES = 1024 * 1024
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+\-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+\-]{0,126}")
_TEXTUAL = re.compile(
    r"text/(?!html|xml).*|message/.*|application/(json|x-ndjson|jsonl|x-subrip|yaml|x-yaml|toml|sql"
    r"|javascript|x-sh|.*\+json)"
)
_NON_TEXT_BYTES = bytes({*range(0x20), 0x7F} - {*b"\t\n\v\f\r\x1b"})
_ASCII_BYTES = bytes(range(0x80))
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# The first tag after any comments, as in browsers (WHATWG MIME Sniffing, section 7.1). Repetitions
# are possessive, so that the time does not grow with the ways to divide the text among them.
_HTML = re.compile(
    r"\s*+(?><!--.*?-->\s*+)*+<(?:!doctype html|html|head|body|script|iframe|h1|div|font|table|a"
    r"|style|title|b|br|p|meta)[\s/>]",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(r"\s*+(?:<\?xml|<!doctype|<svg)[\s>]", re.IGNORECASE)
_XML_ROOT = re.compile(
    r"(?>\s++|<\?.*?\?>|<!--.*?-->|<!(?!--)[^>]*+>)*+<(?:[\w\-]++:)?([\w\-]++)", re.DOTALL
)
_XML_ROOT_TYPES = {"html": "application/xhtml+xml", "svg": "image/svg+xml"}
_TEXT_PREFIXES = (("WEBVTT", "text/vtt"), ("BEGIN:VCALENDAR", "text/calendar"))
_SUBTITLES = re.compile(r"\d+\r?\n\d\d:\d\d:\d\d,\d{3} --> ", re.ASCII)
_JSON = re.compile(r"\s*+(?:\{\s*+[\"}]|\[\s*+[\[{\"\d\]])")
_MAIL_FIELD = re.compile(r"([A-Za-z0-9\-]+):(?:[ \t].*)?|[ \t].*|(?:>?From .*)")
_MAIL_FIELDS = {
    "from", "to", "subject", "date", "message-id", "received", "mime-version", "return-path",
    "delivered-to", "content-type", "cc", "reply-to",
}  # fmt: skip
_OFFICE_TYPES = (
    ("word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_CANONICAL_TYPES = {
    "audio/x-wav": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/m4a": "audio/mp4",
    "image/vnd.microsoft.icon": "image/x-icon",
}
_OLE_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_TYPES = {
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-outlook",
}


def detect(content: BinaryIO, stated: str | None) -> str:
    """Return the MIME type of content.

    Where the bytes are ambiguous, as between kinds of plain text, the stated type decides if it
    is plausible: unknown binary data is never text, and text is never an image.

    Args:
        content: a seekable file, which is read from its start.
        stated: MIME type that the record states; None when it states none.
    """
    content.seek(0)
    head = content.read(HEAD_BYTES)
    claim = (stated or "").partition(";")[0].strip().lower()
    claim = claim if _TYPE.fullmatch(claim) else ""
    if not head:
        return claim or BINARY
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _detect_archive(content, claim)
    if head.startswith(_OLE_SIGNATURE):
        return claim if claim in _OLE_TYPES else "application/x-ole-storage"
    text = _decode_text(head)
    if text is not None and not head.startswith((b"%PDF", b"{\\rtf", b"%!PS")):
        return _detect_text(text, claim)
    found = filetype.match(head, _SIGNATURES)  # pyright: ignore[reportUnknownMemberType]
    if found is not None:
        mime_type: str = found.mime
        return _CANONICAL_TYPES.get(mime_type, mime_type)
    if not claim or _TEXTUAL.fullmatch(claim) or claim == "text/html":
        return BINARY
    return claim


class _BoundedReader:
    """File that refuses large reads: a hostile archive may have a directory of any size."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(
            min(size, _MAX_DIRECTORY_BYTES) if size >= 0 else _MAX_DIRECTORY_BYTES
        )
        if len(data) == _MAX_DIRECTORY_BYTES:
            raise ValueError("the archive's directory is too large")
        return data


def _detect_archive(file: BinaryIO, claim: str) -> str:
    """Return the type of a ZIP archive, by the names in its directory."""
    # A directory that zipfile cannot read makes it an archive of unknown content.
    with suppress(Exception):
        with zipfile.ZipFile(cast("BinaryIO", _BoundedReader(file))) as archive:
            entries = archive.infolist()
            first = entries[0]
            # OpenDocument and EPUB store their type as the first entry, uncompressed.
            if first.filename == "mimetype" and first.compress_type == zipfile.ZIP_STORED:
                kind = archive.open(first).read(256).decode("ascii").strip()
                return kind if _TYPE.fullmatch(kind) else "application/zip"
        names = {entry.filename for entry in entries}
        for folder, mime_type in _OFFICE_TYPES:
            if "[Content_Types].xml" in names and any(name.startswith(folder) for name in names):
                return mime_type
        if "META-INF/MANIFEST.MF" in names:
            return "application/java-archive"
    return claim if claim.endswith("+zip") else "application/zip"


def _decode_text(head: bytes) -> str | None:
    """Return the beginning of a text; None when the content is binary."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return head[: len(head) // 2 * 2].decode(encoding, errors="replace")
    if head.translate(None, _NON_TEXT_BYTES) != head:
        return None
    try:
        return head.decode()
    except UnicodeDecodeError as error:
        if len(head) == HEAD_BYTES and error.start >= HEAD_BYTES - 3:
            return head[: error.start].decode()
    # A legacy 8-bit encoding: at most a third of the bytes is not ASCII.
    non_ascii = len(head.translate(None, _ASCII_BYTES))
    return head.decode("latin-1") if non_ascii <= len(head) // 3 else None


def _detect_text(text: str, claim: str) -> str:
    if _HTML.match(text):
        return "text/html"
    if _XML.match(text):
        return _detect_xml(text, claim)
    for start, mime_type in _TEXT_PREFIXES:
        if text.startswith(start):
            return mime_type
    if _is_mail(text):
        return "message/rfc822"
    if _TEXTUAL.fullmatch(claim) and claim != "message/rfc822":
        return claim
    if _SUBTITLES.match(text):
        return "application/x-subrip"
    if _JSON.match(text):
        return "application/json"
    return "text/csv" if _is_csv(text) else "text/plain"


def _detect_xml(text: str, claim: str) -> str:
    root = _XML_ROOT.match(text)
    known = _XML_ROOT_TYPES.get(root[1].lower()) if root else None
    return known or (claim if claim.endswith(("/xml", "+xml")) else "application/xml")


def _is_mail(text: str) -> bool:
    """Return whether the text begins with header fields of a message (RFC 5322), at least three."""
    known: set[str] = set()
    for line in text.splitlines():
        if not line:
            break
        field = _MAIL_FIELD.fullmatch(line)
        if field is None:
            return False
        if field[1]:
            known.add(field[1].lower())
    return len(known & _MAIL_FIELDS) >= 3 and bool(known & {"from", "received", "return-path"})


def _is_csv(text: str) -> bool:
    """Return whether at least three rows have the same number of fields, and more than one."""
    lines = text.splitlines(keepends=True)
    # The last line may be cut off.
    complete = lines[:-1] if len(lines) > 3 else lines
    for delimiter in ",;\t":
        with suppress(csv.Error):
            rows = [row for row in csv.reader(complete[:20], delimiter=delimiter) if row]
            widths = {len(row) for row in rows}
            if len(rows) >= 3 and len(widths) == 1 and widths != {1}:
                return True
    return False
