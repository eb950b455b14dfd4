"""PDF (ISO 32000), a page at a time, by PDFium."""

import re
from typing import BinaryIO

import pypdfium2 as pdfium  # pyright: ignore[reportMissingTypeStubs]

from everlake.attachments.text.gather import Full, Gathered
from everlake.attachments.text.readers.faults import damaged, encrypted
from everlake.attachments.text.wire import MOST_SECTIONS, Task

_HYPHEN = re.compile(r"[\x02\ufffe](?:\r?\n)?")
"""How PDFium writes a hyphen at the end of a line."""


_PASSWORD = 4
"""FPDF_ERR_PASSWORD (fpdfview.h)."""


def read(file: BinaryIO, gathered: Gathered, _task: Task) -> None:
    """Each page's text; a page that cannot be read is left out while another can.

    Raises:
        TextError: it is damaged or has a password.
    """
    try:
        document = pdfium.PdfDocument(file)
    except pdfium.PdfiumError as error:
        if error.err_code == _PASSWORD:  # pyright: ignore[reportUnknownMemberType]
            raise encrypted() from error
        raise damaged("it is no whole PDF") from error
    count = len(document)
    read_pages = 0
    for number in range(min(count, MOST_SECTIONS)):
        try:
            text = _page_text(document, number)
        except pdfium.PdfiumError:
            continue
        read_pages += 1
        gathered.add(_HYPHEN.sub("", text), f"page {number + 1}")
    if not read_pages:
        raise damaged("it has no page that is right")
    if count > MOST_SECTIONS:
        raise Full


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
