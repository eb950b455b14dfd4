"""Rich Text Format, by striprtf."""

from typing import BinaryIO, cast

from striprtf.striprtf import rtf_to_text  # pyright: ignore[reportUnknownVariableType]

from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.charset import MARKUP_BYTES_PER_CHARACTER, read_head
from everlake.attachments.extraction.text_builder import TextBuilder


def read(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """The text; rows of tables are lines.

    Not more than the limit's first bytes are read, so pictures may stand before all words.
    """
    # RTF is ASCII, and what is beyond it stands in escapes that name their encoding.
    source = read_head(file, builder, task, bytes_per_character=MARKUP_BYTES_PER_CHARACTER).decode(
        "latin-1"
    )
    builder.add(cast("str", rtf_to_text(source, errors="replace")))
