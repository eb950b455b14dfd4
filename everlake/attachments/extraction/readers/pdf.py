"""PDF (ISO 32000), page by page (PDFium)."""

import re
from typing import BinaryIO

import pypdfium2 as pdfium  # pyright: ignore[reportMissingTypeStubs]

from everlake.attachments.extraction.errors import damaged_file, encrypted_file
from everlake.attachments.extraction.ipc import MAX_SECTIONS, ExtractionTask
from everlake.attachments.extraction.text_builder import TextBuilder, TextLimitReached

_LINE_END_HYPHEN = re.compile(r"[\x02\ufffe](?:\r?\n)?")
"""PDFium's form of a hyphen at the end of a line."""

_PASSWORD_ERROR = 4
"""FPDF_ERR_PASSWORD (fpdfview.h)."""


def read(file: BinaryIO, builder: TextBuilder, _task: ExtractionTask) -> None:
    """Add the text of each page; pages that cannot be read are left out.

    Raises:
        TextError: the file is damaged, has a password, or has no page that can be read.
    """
    try:
        document = pdfium.PdfDocument(file)
    except pdfium.PdfiumError as error:
        if error.err_code == _PASSWORD_ERROR:  # pyright: ignore[reportUnknownMemberType]
            raise encrypted_file() from error
        raise damaged_file("it is not a complete PDF") from error
    count = len(document)
    read_pages = 0
    for number in range(min(count, MAX_SECTIONS)):
        try:
            text = _page_text(document, number)
        except pdfium.PdfiumError:
            continue
        read_pages += 1
        builder.add(_LINE_END_HYPHEN.sub("", text), f"page {number + 1}")
    if not read_pages:
        raise damaged_file("none of its pages can be read")
    if count > MAX_SECTIONS:
        raise TextLimitReached


def _page_text(document: pdfium.PdfDocument, number: int) -> str:
    page = document[number]
    try:
        text_page = page.get_textpage()
        try:
            return text_page.get_text_bounded()  # pyright: ignore[reportUnknownMemberType]
        finally:
            text_page.close()
    finally:
        page.close()
