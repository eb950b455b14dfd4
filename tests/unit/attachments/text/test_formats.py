"""What is queued for reading, by its stated type and name."""

import pytest

from everlake.attachments.text import is_readable
from everlake.attachments.text.formats import Format, stated_format


@pytest.mark.parametrize(
    ("mime_type", "filename", "found"),
    [
        ("application/pdf", None, Format.PDF),
        ("application/octet-stream", "Offer.PDF ", Format.PDF),
        ("text/csv; charset=utf-8", None, Format.CSV),
        ("TEXT/HTML", "", Format.HTML),
        ("text/x-log", "today", Format.TEXT),
        ("text/plain", "call.vtt", Format.CAPTIONS),
        ("image/heic", None, Format.IMAGE),
        ("audio/x-anything", "call", Format.RECORDING),
        ("", "notes.tar.md", Format.TEXT),
        ("application/msword", None, Format.OLD_OFFICE),
    ],
)
def test_the_name_counts_before_the_type(
    mime_type: str, filename: str | None, found: Format
) -> None:
    assert stated_format(mime_type, filename) is found
    assert is_readable(mime_type, filename)


@pytest.mark.parametrize(
    ("mime_type", "filename"),
    [
        ("application/zip", "all.zip"),
        ("application/octet-stream", None),
        ("image/svg+xml", None),
        ("", ""),
        ("", ".pdf"),
        ("font/woff2", "a.woff2"),
    ],
)
def test_what_no_text_can_come_out_of_is_not_queued(mime_type: str, filename: str | None) -> None:
    assert not is_readable(mime_type, filename)
