"""Detection of MIME types."""

import io
import random
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everlake.attachments.spooling.mime import detect
from everlake.contract.media_types import BINARY

OFFICE = "application/vnd.openxmlformats-officedocument"


def detected_type(data: bytes, stated: str | None = None) -> str:
    return detect(io.BytesIO(data), stated)


def archive(*names: str, first: tuple[str, bytes] | None = None, size: int = 1) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        if first:
            file.writestr(*first)
        for name in names:
            file.writestr(name, random.Random(0).randbytes(size))
    return made.getvalue()


def office(part: str, *, late: bool = False, size: int = 1) -> bytes:
    names: Sequence[str] = ("[Content_Types].xml", "_rels/.rels", "docProps/app.xml", part)
    return archive(*(reversed(names) if late else names), size=size)


CONTENTS: list[tuple[bytes, str]] = [
    (office("word/document.xml"), f"{OFFICE}.wordprocessingml.document"),
    (office("word/document.xml", late=True), f"{OFFICE}.wordprocessingml.document"),
    (office("xl/workbook.xml", size=50_000), f"{OFFICE}.spreadsheetml.sheet"),
    (office("ppt/presentation.xml"), f"{OFFICE}.presentationml.presentation"),
    (archive("word/document.xml"), "application/zip"),
    (archive("a.txt"), "application/zip"),
    (archive(), "application/zip"),
    (b"PK\x03\x04 and then nothing of an archive", "application/zip"),
    (
        archive("content.xml", first=("mimetype", b"application/vnd.oasis.opendocument.text")),
        "application/vnd.oasis.opendocument.text",
    ),
    (archive("x", first=("mimetype", b"application/epub+zip")), "application/epub+zip"),
    (archive("x", first=("mimetype", b"\xff not a type")), "application/zip"),
    (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "application/pdf"),
    (b"%PDF-1.4\n1 0 obj\n", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(30), "image/png"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1" + bytes(30), "image/jpeg"),
    (b"\xff\xd8\xff\xe1\0\x10Exif\0\0" + bytes(30), "image/jpeg"),
    (b"GIF89a" + bytes(30), "image/gif"),
    (b"RIFF\x10\0\0\0WEBPVP8 " + bytes(30), "image/webp"),
    (b"ID3\x03\0\0\0\0\0\x10" + bytes(30), "audio/mpeg"),
    (b"\xff\xfb\x90\x64" + bytes(400), "audio/mpeg"),
    (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(30), "video/mp4"),
    (b"\0\0\0\x20ftypM4A \0\0\2\0isomiso2" + bytes(30), "audio/mp4"),
    (b"\0\0\0\x14ftypqt  \0\0\2\0qt  " + bytes(30), "video/quicktime"),
    (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + bytes(30), "audio/wav"),
    (b"OggS\0\2" + bytes(20) + b"\x01\x1eOpusHead" + bytes(30), "audio/ogg"),
    (b"fLaC" + bytes(30), "audio/flac"),
    (b"<!DOCTYPE html>\n<html><body>x</body></html>", "text/html"),
    (b"\xef\xbb\xbf\n <HTML><body>x</body></HTML>", "text/html"),
    (b"<!-- c --><div>x</div>", "text/html"),
    (b"<!-- a > b --> <!-- c -->\n<p>x</p>", "text/html"),
    # A pattern that backtracks would take longer than the universe is old.
    (b"<!---->" * 500 + b"<x", "text/plain"),
    (b"<?xml ?>" + b"<!---->" * 500 + b"<", "application/xml"),
    (b"<?xml ?><!-- <html> --><svg/>", "image/svg+xml"),
    ("<html>x</html>".encode("utf-16"), "text/html"),
    (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', "application/xhtml+xml"),
    (b'<?xml version="1.0"?>\n<!-- c --><svg:svg/>', "image/svg+xml"),
    (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
    (b'<?xml version="1.0"?><a/>', "application/xml"),
    (b"a,b,c\n1,2,3\n4,5,6\n", "text/csv"),
    (b'a;b\n1;"2;3"\n4;5\n', "text/csv"),
    (b"Hello, all.\nThis is text, plain.\nWith commas, many, in it.\n", "text/plain"),
    ("Gr\u00fc\u00dfe aus M\u00fcnchen\n".encode(), "text/plain"),
    ("Gr\u00fc\u00dfe aus M\u00fcnchen\n".encode("latin-1"), "text/plain"),
    ("Gr\u00fc\u00dfe aus M\u00fcnchen\n".encode("utf-16"), "text/plain"),
    (("x" + "\u00fc" * 10_000).encode(), "text/plain"),
    (b'{"a": 1}', "application/json"),
    (b"From: a@x\r\nTo: b@x\r\nSubject: hi\r\n\r\nBody\r\n", "message/rfc822"),
    (b"Return-Path: <a@x>\r\nReceived: from x\r\n by y\r\nFrom: a@x\r\n\r\nBody", "message/rfc822"),
    (b"Note: this\nTo: whom it may concern\nis text\n", "text/plain"),
    (b"WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n", "text/vtt"),
    (b"1\n00:00:00,000 --> 00:00:02,000\nHello\n", "application/x-subrip"),
    (b"{\\rtf1\\ansi hello}", "application/rtf"),
    (b"\x1f\x8b\x08\0" + bytes(30), "application/gzip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "application/x-ole-storage"),
    (random.Random(1).randbytes(9_000), BINARY),
    (b"", BINARY),
]


@pytest.mark.parametrize(("data", "mime_type"), CONTENTS)
def test_types_are_detected_by_content(data: bytes, mime_type: str) -> None:
    assert detected_type(data) == mime_type


@pytest.mark.parametrize(
    ("data", "stated", "mime_type"),
    [
        (b"a plain line\n", "text/markdown; charset=utf-8", "text/markdown"),
        (b"a,b\n", "text/csv", "text/csv"),
        (b"a plain line\n", "image/png", "text/plain"),
        (b"a plain line\n", "message/rfc822", "text/plain"),
        (b"<html>x</html>", "text/plain", "text/html"),
        (b"%PDF-1.7\n", "image/png", "application/pdf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword", "application/msword"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "text/plain", "application/x-ole-storage"),
        (bytes(100), "application/x-special", "application/x-special"),
        (bytes(100), "text/plain", BINARY),
        (bytes(100), "text/html", BINARY),
        (bytes(100), "no type", BINARY),
        (bytes(100), "image/png\r\nX-Evil: 1", BINARY),
        (b"", "text/plain", "text/plain"),
    ],
)
def test_a_plausible_stated_type_is_used(data: bytes, stated: str, mime_type: str) -> None:
    assert detected_type(data, stated) == mime_type


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"<?xml ", b"RIFF"]),
)
def test_any_bytes_have_a_type(data: bytes, start: bytes) -> None:
    assert "/" in detected_type(start + data)


def test_a_huge_archive_directory_is_not_read() -> None:
    """The directory is larger than what is read at a time."""
    names = archive(*(f"{'x' * 200}{number}" for number in range(6_000)))

    assert detected_type(names) == "application/zip"
