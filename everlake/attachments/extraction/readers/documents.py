"""Word (ECMA-376) and OpenDocument of all kinds (ISO/IEC 26300)."""

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
    """The body with its tables and text boxes, then the notes and comments.

    What stands at the head and foot of every page is left out.

    Raises:
        TextError: it is damaged, encrypted or too large unpacked.
    """
    with open_package(file, task.limits) as package:
        OfficeXmlReader(builder, None).read(package, "word/document.xml")
        for name, place in _NOTE_PARTS.items():
            if name in package.names:
                OfficeXmlReader(builder, place).read(package, name)


def read_odf(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """The content; of a spreadsheet each sheet by its name, a cell that repeats once.

    Raises:
        TextError: it is damaged, encrypted or too large unpacked.
    """
    with open_package(file, task.limits) as package:
        OfficeXmlReader(builder, None).read(package, "content.xml")
