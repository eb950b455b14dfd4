"""Word (ECMA-376) and OpenDocument (ISO/IEC 26300) files."""

from typing import BinaryIO

from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.office_xml import OfficeXmlReader
from everlake.attachments.extraction.readers.zip_package import open_package
from everlake.attachments.extraction.text_builder import TextBuilder

_NOTE_PARTS = {
    "word/footnotes.xml": "footnotes",
    "word/endnotes.xml": "endnotes",
    "word/comments.xml": "comments",
}


def read_docx(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """Add the body with its tables and text boxes, then footnotes, endnotes and comments.

    Page headers and footers are left out.

    Raises:
        TextError: the file is damaged, encrypted or too large once unpacked.
    """
    with open_package(file, task.limits) as package:
        OfficeXmlReader(builder, None).read(package, "word/document.xml")
        for name, place in _NOTE_PARTS.items():
            if name in package.names:
                OfficeXmlReader(builder, place).read(package, name)


def read_odf(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """Add the content; sheets of a spreadsheet by name, repeated cells once.

    Raises:
        TextError: the file is damaged, encrypted or too large once unpacked.
    """
    with open_package(file, task.limits) as package:
        OfficeXmlReader(builder, None).read(package, "content.xml")
