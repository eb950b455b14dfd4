"""What is queued for reading, by its stated type and name."""

import pytest

from everlake.attachments.extraction import is_extractable
from everlake.attachments.extraction.formats import FileFormat, declared_format


@pytest.mark.parametrize(
    ("mime_type", "filename", "found"),
    [
        ("application/pdf", None, FileFormat.PDF),
        ("application/octet-stream", "Offer.PDF ", FileFormat.PDF),
        ("text/csv; charset=utf-8", None, FileFormat.CSV),
        ("TEXT/HTML", "", FileFormat.HTML),
        ("text/x-log", "today", FileFormat.TEXT),
        ("text/plain", "call.vtt", FileFormat.CAPTIONS),
        ("image/heic", None, FileFormat.IMAGE),
        ("audio/x-anything", "call", FileFormat.RECORDING),
        ("", "notes.tar.md", FileFormat.TEXT),
        ("application/msword", None, FileFormat.OLD_OFFICE),
    ],
)
def test_the_name_counts_before_the_type(
    mime_type: str, filename: str | None, found: FileFormat
) -> None:
    assert declared_format(mime_type, filename) is found
    assert is_extractable(mime_type, filename)


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
    assert not is_extractable(mime_type, filename)
