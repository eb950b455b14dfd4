"""Word (ECMA-376) and OpenDocument of all kinds (ISO/IEC 26300)."""

from typing import BinaryIO

from everlake.attachments.text.gather import Gathered
from everlake.attachments.text.readers.markup_text import Words
from everlake.attachments.text.readers.package import opened
from everlake.attachments.text.wire import Task

_AFTER_THE_BODY = {
    "word/footnotes.xml": "footnotes",
    "word/endnotes.xml": "endnotes",
    "word/comments.xml": "comments",
}


def read_word(file: BinaryIO, gathered: Gathered, task: Task) -> None:
    """The body with its tables and text boxes, then the notes and comments.

    What stands at the head and foot of every page is left out.

    Raises:
        TextError: it is damaged, encrypted or too large unpacked.
    """
    with opened(file, task.limits) as package:
        Words(gathered, None).read(package, "word/document.xml")
        for name, place in _AFTER_THE_BODY.items():
            if name in package.names:
                Words(gathered, place).read(package, name)


def read_open_document(file: BinaryIO, gathered: Gathered, task: Task) -> None:
    """The content; of a spreadsheet each sheet by its name, a cell that repeats once.

    Raises:
        TextError: it is damaged, encrypted or too large unpacked.
    """
    with opened(file, task.limits) as package:
        Words(gathered, None).read(package, "content.xml")
