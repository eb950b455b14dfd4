"""PDF (ISO 32000), a page at a time, by PDFium."""

import re
from typing import BinaryIO

import pypdfium2 as pdfium  # pyright: ignore[reportMissingTypeStubs]

from everlake.attachments.extraction.ipc import MAX_SECTIONS, ExtractionTask
from everlake.attachments.extraction.readers.failures import damaged_file, encrypted_file
from everlake.attachments.extraction.text_builder import TextBuilder, TextLimitReached

_LINE_END_HYPHEN = re.compile(r"[\x02\ufffe](?:\r?\n)?")
"""How PDFium writes a hyphen at the end of a line."""


_PASSWORD_ERROR = 4
"""FPDF_ERR_PASSWORD (fpdfview.h)."""


def read(file: BinaryIO, builder: TextBuilder, _task: ExtractionTask) -> None:
    """Each page's text; a page that cannot be read is left out while another can.

    Raises:
        TextError: it is damaged or has a password.
    """
    try:
        document = pdfium.PdfDocument(file)
    except pdfium.PdfiumError as error:
        if error.err_code == _PASSWORD_ERROR:  # pyright: ignore[reportUnknownMemberType]
            raise encrypted_file() from error
        raise damaged_file("it is no whole PDF") from error
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
        raise damaged_file("it has no page that is right")
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
