"""File formats: detected by the first bytes, else taken from the stated name and type."""

from enum import StrEnum
from pathlib import PurePath
from typing import BinaryIO
from zipfile import BadZipFile, LargeZipFile, ZipFile


class FileFormat(StrEnum):
    """Formats that are distinguished; the values are for messages."""

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
    OUTLOOK = "Outlook message"
    OLD_OFFICE = "Word or PowerPoint 97"
    OTHER = "other"


_BY_SUFFIX = {
    ".pdf": FileFormat.PDF,
    ".docx": FileFormat.DOCX, ".docm": FileFormat.DOCX, ".dotx": FileFormat.DOCX,
    ".pptx": FileFormat.PPTX, ".pptm": FileFormat.PPTX, ".ppsx": FileFormat.PPTX,
    ".xlsx": FileFormat.XLSX, ".xlsm": FileFormat.XLSX,
    ".odt": FileFormat.ODT, ".odp": FileFormat.ODP,
    ".xls": FileFormat.XLS, ".ods": FileFormat.ODS,
    ".csv": FileFormat.CSV, ".tsv": FileFormat.TSV, ".tab": FileFormat.TSV,
    ".html": FileFormat.HTML, ".htm": FileFormat.HTML, ".xhtml": FileFormat.HTML,
    ".rtf": FileFormat.RTF,
    **dict.fromkeys((".eml", ".emlx", ".mbox", ".mbx"), FileFormat.EMAIL),
    **dict.fromkeys((".msg", ".oft"), FileFormat.OUTLOOK),
    ".vtt": FileFormat.CAPTIONS, ".srt": FileFormat.CAPTIONS,
    **dict.fromkeys((".doc", ".ppt", ".dot", ".pps"), FileFormat.OLD_OFFICE),
    **dict.fromkeys(
        (".txt", ".text", ".md", ".markdown", ".rst", ".log", ".json", ".jsonl", ".ndjson",
         ".yaml", ".yml", ".xml"),
        FileFormat.TEXT,
    ),
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"), FileFormat.IMAGE
    ),
    **dict.fromkeys(
        (".mp3", ".m4a", ".wav", ".ogg", ".oga", ".opus", ".flac", ".aac", ".mp4", ".m4v", ".mov",
         ".webm", ".mkv", ".avi"),
        FileFormat.RECORDING,
    ),
}  # fmt: skip

_OOXML_TYPE = "application/vnd.openxmlformats-officedocument."
_ODF_TYPE = "application/vnd.oasis.opendocument."
_BY_TYPE = {
    "application/pdf": FileFormat.PDF,
    _OOXML_TYPE + "wordprocessingml.document": FileFormat.DOCX,
    _OOXML_TYPE + "presentationml.presentation": FileFormat.PPTX,
    _OOXML_TYPE + "spreadsheetml.sheet": FileFormat.XLSX,
    "application/vnd.ms-word.document.macroenabled.12": FileFormat.DOCX,
    "application/vnd.ms-powerpoint.presentation.macroenabled.12": FileFormat.PPTX,
    "application/vnd.ms-excel.sheet.macroenabled.12": FileFormat.XLSX,
    "application/vnd.ms-excel": FileFormat.XLS,
    _ODF_TYPE + "text": FileFormat.ODT,
    _ODF_TYPE + "presentation": FileFormat.ODP,
    _ODF_TYPE + "spreadsheet": FileFormat.ODS,
    "application/msword": FileFormat.OLD_OFFICE,
    "application/vnd.ms-powerpoint": FileFormat.OLD_OFFICE,
    "text/csv": FileFormat.CSV,
    "application/csv": FileFormat.CSV,
    "text/tab-separated-values": FileFormat.TSV,
    "text/html": FileFormat.HTML,
    "application/xhtml+xml": FileFormat.HTML,
    "application/rtf": FileFormat.RTF,
    "text/rtf": FileFormat.RTF,
    "message/rfc822": FileFormat.EMAIL,
    "message/global": FileFormat.EMAIL,
    "application/mbox": FileFormat.EMAIL,
    "application/vnd.ms-outlook": FileFormat.OUTLOOK,
    "text/vtt": FileFormat.CAPTIONS,
    "application/x-subrip": FileFormat.CAPTIONS,
    "text/srt": FileFormat.CAPTIONS,
    "application/json": FileFormat.TEXT,
    "application/x-ndjson": FileFormat.TEXT,
    "application/yaml": FileFormat.TEXT,
    "application/xml": FileFormat.TEXT,
}
_ZIP_MEMBERS = {
    "word/document.xml": FileFormat.DOCX,
    "ppt/presentation.xml": FileFormat.PPTX,
    "xl/workbook.xml": FileFormat.XLSX,
}
_TEXT_FORMATS = {
    FileFormat.CSV,
    FileFormat.TSV,
    FileFormat.HTML,
    FileFormat.EMAIL,
    FileFormat.CAPTIONS,
    FileFormat.TEXT,
}
_IMAGE_SIGNATURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
_RECORDING_SIGNATURES = (b"ID3", b"OggS", b"fLaC", b"\x1aE\xdf\xa3")
_TEXT_SIGNATURES = {
    b"{\\rtf": FileFormat.RTF,
    b"webvtt": FileFormat.CAPTIONS,
    b"<!doctype html": FileFormat.HTML,
    b"<html": FileFormat.HTML,
}
_OLE_FORMATS = {
    FileFormat.OLD_OFFICE: FileFormat.OLD_OFFICE,
    FileFormat.OUTLOOK: FileFormat.OUTLOOK,
    FileFormat.EMAIL: FileFormat.OUTLOOK,
}
_OLE_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def is_extractable(mime_type: str, filename: str | None) -> bool:
    """Return whether files of this stated type and name have text to extract.

    Formats that are known and cannot be read count as well, such as images without the extra
    ``ocr``, so that the owner sees why there is no text. The name counts before the type, since
    senders often state ``application/octet-stream``.
    """
    return declared_format(mime_type, filename) is not FileFormat.OTHER


def declared_format(mime_type: str, filename: str | None) -> FileFormat:
    """Return the format by name, else by media type without parameters (RFC 6838)."""
    suffix = PurePath(filename.strip()).suffix.lower() if filename else ""
    bare = mime_type.partition(";")[0].strip().lower()
    found = _BY_SUFFIX.get(suffix) or _BY_TYPE.get(bare)
    if found is None:
        main = bare.partition("/")[0]
        if main == "text":
            found = FileFormat.TEXT
        elif main in {"audio", "video"}:
            found = FileFormat.RECORDING
        elif main == "image" and "svg" not in bare:
            found = FileFormat.IMAGE
    return found or FileFormat.OTHER


def detect_format(file: BinaryIO, mime_type: str, filename: str | None) -> FileFormat:
    """Return the format by the file's first bytes where they are certain, else as stated.

    A signature counts before a stated text format.
    """
    file.seek(0)
    head = file.read(1_024)
    file.seek(0)
    stated = declared_format(mime_type, filename)
    bare = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"%PDF-" in head and (stated is not FileFormat.EMAIL or bare.startswith(b"%PDF-")):
        return FileFormat.PDF
    if head.startswith(b"PK\x03\x04"):
        return _zip_format(file)
    if head.startswith(_OLE_SIGNATURE):
        return _OLE_FORMATS.get(stated, FileFormat.XLS)
    for mark, found in _TEXT_SIGNATURES.items():
        if bare[:15].lower().startswith(mark):
            return found
    if head.startswith(_IMAGE_SIGNATURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return (
            FileFormat.IMAGE
            if stated not in _TEXT_FORMATS or not head.startswith(b"BM")
            else stated
        )
    if head.startswith(_RECORDING_SIGNATURES) or head[4:8] == b"ftyp" or head[:4] == b"RIFF":
        return FileFormat.RECORDING if stated not in _TEXT_FORMATS or b"\0" in head else stated
    return stated


def _zip_format(file: BinaryIO) -> FileFormat:
    try:
        with ZipFile(file) as archive:
            names = set(archive.namelist())
            for name, found in _ZIP_MEMBERS.items():
                if name in names:
                    return found
            if "mimetype" in names and "content.xml" in names:
                with archive.open("mimetype") as member:
                    kind = member.read(100).decode("ascii", "replace").strip()
                return _BY_TYPE.get(kind, FileFormat.OTHER)
    except (BadZipFile, LargeZipFile, NotImplementedError, RuntimeError, ValueError, EOFError):
        return FileFormat.DOCX  # its reader reports the damage
    finally:
        file.seek(0)
    return FileFormat.OTHER
