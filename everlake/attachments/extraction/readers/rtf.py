"""Rich Text Format (striprtf)."""

from typing import BinaryIO, cast

from striprtf.striprtf import rtf_to_text  # pyright: ignore[reportUnknownVariableType]

from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.charset import MARKUP_BYTES_PER_CHARACTER, read_head
from everlake.attachments.extraction.text_builder import TextBuilder


def read(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """Add the text; rows of tables are lines.

    Only the first bytes are read, up to the limits, and images before the text count too.
    """
    # RTF is ASCII; other characters are escapes in an encoding that the file names.
    source = read_head(file, builder, task, bytes_per_character=MARKUP_BYTES_PER_CHARACTER).decode(
        "latin-1"
    )
    builder.add(cast("str", rtf_to_text(source, errors="replace")))
