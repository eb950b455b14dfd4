"""Plain text and captions."""

from typing import BinaryIO

from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.charset import read_plain_text
from everlake.attachments.extraction.text_builder import TextBuilder
from everlake.attachments.extraction.types import TextKind


def read_text(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """Add the text as it is.

    Raises:
        TextError: the file is not text.
    """
    builder.add(read_plain_text(file, builder, task))


def read_captions(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """Add WebVTT or SubRip as it is; the analysis splits it into the turns of its speakers.

    Raises:
        TextError: the file is not text.
    """
    builder.kind = TextKind.CAPTIONS
    builder.add(read_plain_text(file, builder, task))
