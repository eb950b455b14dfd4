import re
from email.message import EmailMessage

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from everlake.api.download_headers import (
    BINARY,
    content_disposition,
    safe_filename,
    safe_media_type,
)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("call.mp3", "call.mp3"),
        ("Überblick 2026.pdf", "Überblick 2026.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("C:\\invoice.exe", "invoice.exe"),
        ("/", "attachment"),
        ("..", "attachment"),
        (".", "attachment"),
        ("", "attachment"),
        (None, "attachment"),
        (" . . ", "attachment"),
        (".bashrc", "bashrc"),
        ("a\r\nSet-Cookie: x=1", "aSet-Cookie: x=1"),
        ("a\x00b\x7f.txt", "ab.txt"),
        ("annex\u202egpj.exe", "annexgpj.exe"),
        ("line\u2028break\u2029.txt", "linebreak.txt"),
        ("zero\u200bwidth\ufeff.txt", "zerowidth.txt"),
        ("half\ud800.txt", "half.txt"),
        ("trailing.txt. ", "trailing.txt"),
    ],
)
def test_a_name_loses_its_folders_and_what_is_not_printed(name: str | None, safe: str) -> None:
    assert safe_filename(name) == safe


def test_a_long_name_is_cut_and_keeps_its_suffix() -> None:
    assert safe_filename("n" * 500 + ".mp3") == "n" * 146 + ".mp3"
    assert len(safe_filename("n" * 500 + "." + "x" * 400)) == 150


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("call.mp3", "attachment; filename=\"call.mp3\"; filename*=UTF-8''call.mp3"),
        (
            'a"b\\c;d.txt',
            "attachment; filename=\"c;d.txt\"; filename*=UTF-8''c%3Bd.txt",
        ),
        (
            'say "hi".txt',
            "attachment; filename=\"say _hi_.txt\"; filename*=UTF-8''say%20%22hi%22.txt",
        ),
        ("100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
        ("€.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%E2%82%AC.txt"),
        (
            "it's (1)*.txt",
            "attachment; filename=\"it's (1)*.txt\"; filename*=UTF-8''it%27s%20%281%29%2A.txt",
        ),
    ],
)
def test_the_header_has_a_plain_name_and_the_real_one(name: str, header: str) -> None:
    assert content_disposition(name) == header


@given(st.text(alphabet=st.characters(exclude_categories=[])))
@example('";\r\nX: y')
@example("\ud800")
def test_no_name_breaks_out_of_the_header(name: str) -> None:
    header = content_disposition(name)
    assert re.fullmatch(
        r'attachment; filename="[ !#$&-\[\]-~]+"; filename\*=UTF-8\'\'[A-Za-z0-9!#$&+\-.^_`|~%]+',
        header,
    )
    message = EmailMessage()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"


@pytest.mark.parametrize(
    "mime_type",
    [
        "image/png",
        "image/jpeg",
        "audio/mpeg",
        "video/mp4",
        "application/pdf",
        "text/plain",
        "text/csv",
        "text/vtt",
        "application/zip",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/json",
    ],
)
def test_a_harmless_type_is_said(mime_type: str) -> None:
    assert safe_media_type(mime_type) == mime_type
    assert safe_media_type(mime_type.upper() + "; charset=x") == mime_type


@pytest.mark.parametrize(
    "mime_type",
    [
        None,
        "",
        "text/html",
        "TEXT/HTML",
        "text/html; charset=utf-8",
        "application/xhtml+xml",
        "image/svg+xml",
        "image/svg",
        "text/xml",
        "application/xml",
        "application/rss+xml",
        "application/mathml+xml",
        "text/xsl",
        "text/javascript",
        "application/javascript",
        "application/x-javascript",
        "application/ecmascript",
        "text/vbscript",
        "text/jscript",
        "application/x-shockwave-flash",
        "application/wasm",
        "application/java-archive",
        "multipart/x-mixed-replace",
        "multipart/related",
        "message/rfc822",
        "text/cache-manifest",
        "application/manifest+json",
        "no type",
        "text",
        "text/plain\r\nX: y",
        "text/" + "x" * 100,
        "téxt/plain",
    ],
)
def test_what_a_browser_might_run_is_called_bytes(mime_type: str | None) -> None:
    assert safe_media_type(mime_type) == BINARY
