"""Which format a file has: by its bytes where they tell, else by its stated type and name."""

from enum import StrEnum
from pathlib import PurePath
from typing import BinaryIO
from zipfile import BadZipFile, LargeZipFile, ZipFile


class Format(StrEnum):
    """The formats that are told apart."""

    PDF = "PDF"
    DOCX = "Word"
    PPTX = "PowerPoint"
    XLSX = "Excel"
    ODT = "OpenDocument text"
    ODP = "OpenDocument presentation"
    ODS = "OpenDocument spreadsheet"
    XLS = "Excel 97"
    CSV = "CSV"
    TSV = "TSV"
    HTML = "HTML"
    RTF = "RTF"
    EMAIL = "email"
    CAPTIONS = "captions"
    TEXT = "plain text"
    IMAGE = "image"
    RECORDING = "audio or video"
    OLD_OFFICE = "Word or PowerPoint 97"
    OTHER = "other"


_BY_SUFFIX = {
    ".pdf": Format.PDF,
    ".docx": Format.DOCX, ".docm": Format.DOCX, ".dotx": Format.DOCX,
    ".pptx": Format.PPTX, ".pptm": Format.PPTX, ".ppsx": Format.PPTX,
    ".xlsx": Format.XLSX, ".xlsm": Format.XLSX,
    ".odt": Format.ODT, ".odp": Format.ODP,
    ".xls": Format.XLS, ".ods": Format.ODS,
    ".csv": Format.CSV, ".tsv": Format.TSV, ".tab": Format.TSV,
    ".html": Format.HTML, ".htm": Format.HTML, ".xhtml": Format.HTML,
    ".rtf": Format.RTF,
    ".eml": Format.EMAIL,
    ".vtt": Format.CAPTIONS, ".srt": Format.CAPTIONS,
    **dict.fromkeys((".doc", ".ppt", ".dot", ".pps"), Format.OLD_OFFICE),
    **dict.fromkeys(
        (".txt", ".text", ".md", ".markdown", ".rst", ".log", ".json", ".jsonl", ".ndjson",
         ".yaml", ".yml", ".xml"),
        Format.TEXT,
    ),
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"), Format.IMAGE
    ),
    **dict.fromkeys(
        (".mp3", ".m4a", ".wav", ".ogg", ".oga", ".opus", ".flac", ".aac", ".mp4", ".m4v", ".mov",
         ".webm", ".mkv", ".avi"),
        Format.RECORDING,
    ),
}  # fmt: skip

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_BY_TYPE = {
    "application/pdf": Format.PDF,
    _OFFICE + "wordprocessingml.document": Format.DOCX,
    _OFFICE + "presentationml.presentation": Format.PPTX,
    _OFFICE + "spreadsheetml.sheet": Format.XLSX,
    "application/vnd.ms-word.document.macroenabled.12": Format.DOCX,
    "application/vnd.ms-powerpoint.presentation.macroenabled.12": Format.PPTX,
    "application/vnd.ms-excel.sheet.macroenabled.12": Format.XLSX,
    "application/vnd.ms-excel": Format.XLS,
    _OPEN + "text": Format.ODT,
    _OPEN + "presentation": Format.ODP,
    _OPEN + "spreadsheet": Format.ODS,
    "application/msword": Format.OLD_OFFICE,
    "application/vnd.ms-powerpoint": Format.OLD_OFFICE,
    "text/csv": Format.CSV,
    "application/csv": Format.CSV,
    "text/tab-separated-values": Format.TSV,
    "text/html": Format.HTML,
    "application/xhtml+xml": Format.HTML,
    "application/rtf": Format.RTF,
    "text/rtf": Format.RTF,
    "message/rfc822": Format.EMAIL,
    "text/vtt": Format.CAPTIONS,
    "application/x-subrip": Format.CAPTIONS,
    "text/srt": Format.CAPTIONS,
    "application/json": Format.TEXT,
    "application/x-ndjson": Format.TEXT,
    "application/yaml": Format.TEXT,
    "application/xml": Format.TEXT,
}
_ZIPPED = {
    "word/document.xml": Format.DOCX,
    "ppt/presentation.xml": Format.PPTX,
    "xl/workbook.xml": Format.XLSX,
}
_IN_WORDS = {Format.CSV, Format.TSV, Format.HTML, Format.EMAIL, Format.CAPTIONS, Format.TEXT}
_IMAGE_MARKS = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
_RECORDING_MARKS = (b"ID3", b"OggS", b"fLaC", b"\x1aE\xdf\xa3")
_WORD_MARKS = {
    b"{\\rtf": Format.RTF,
    b"webvtt": Format.CAPTIONS,
    b"<!doctype html": Format.HTML,
    b"<html": Format.HTML,
}
_OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def is_readable(mime_type: str, filename: str | None) -> bool:
    """Whether a file of this stated type and name is worth reading for its text.

    True as well for what is known and cannot be read here, as pictures where the extra for them
    is missing, so that its owner is told. The name counts before the type, since senders often
    state ``application/octet-stream``.
    """
    return stated_format(mime_type, filename) is not Format.OTHER


def stated_format(mime_type: str, filename: str | None) -> Format:
    """The format by name, else by media type (RFC 6838; parameters are left out)."""
    suffix = PurePath(filename.strip()).suffix.lower() if filename else ""
    bare = mime_type.partition(";")[0].strip().lower()
    found = _BY_SUFFIX.get(suffix) or _BY_TYPE.get(bare)
    if found is None:
        main = bare.partition("/")[0]
        if main == "text":
            found = Format.TEXT
        elif main in {"audio", "video"}:
            found = Format.RECORDING
        elif main == "image" and "svg" not in bare:
            found = Format.IMAGE
    return found or Format.OTHER


def format_of(file: BinaryIO, mime_type: str, filename: str | None) -> Format:
    """The format by the file's first bytes where they are sure, else as stated.

    A file that says it is words and has a mark of something else is that something else.
    """
    file.seek(0)
    head = file.read(1_024)
    file.seek(0)
    stated = stated_format(mime_type, filename)
    bare = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"%PDF-" in head and (stated is not Format.EMAIL or bare.startswith(b"%PDF-")):
        return Format.PDF
    if head.startswith(b"PK\x03\x04"):
        return _zipped(file)
    if head.startswith(_OLE_MARK):
        return Format.OLD_OFFICE if stated is Format.OLD_OFFICE else Format.XLS
    for mark, found in _WORD_MARKS.items():
        if bare[:15].lower().startswith(mark):
            return found
    if head.startswith(_IMAGE_MARKS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return Format.IMAGE if stated not in _IN_WORDS or not head.startswith(b"BM") else stated
    if head.startswith(_RECORDING_MARKS) or head[4:8] == b"ftyp" or head[:4] == b"RIFF":
        return Format.RECORDING if stated not in _IN_WORDS or b"\0" in head else stated
    return stated


def _zipped(file: BinaryIO) -> Format:
    try:
        with ZipFile(file) as archive:
            names = set(archive.namelist())
            for name, found in _ZIPPED.items():
                if name in names:
                    return found
            if "mimetype" in names and "content.xml" in names:
                with archive.open("mimetype") as member:
                    kind = member.read(100).decode("ascii", "replace").strip()
                return _BY_TYPE.get(kind, Format.OTHER)
    except (BadZipFile, LargeZipFile, NotImplementedError, RuntimeError, ValueError, EOFError):
        return Format.DOCX  # whose reader says that the file is damaged
    finally:
        file.seek(0)
    return Format.OTHER
