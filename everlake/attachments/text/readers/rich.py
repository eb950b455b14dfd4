"""Rich Text Format, by striprtf."""

from typing import BinaryIO, cast

from striprtf.striprtf import rtf_to_text  # pyright: ignore[reportUnknownVariableType]

from everlake.attachments.text.gather import Gathered
from everlake.attachments.text.readers.charset import MARKED_UP, beginning
from everlake.attachments.text.wire import Task


def read(file: BinaryIO, gathered: Gathered, task: Task) -> None:
    """The text; rows of tables are lines.

    Not more than the limit's first bytes are read, so pictures may stand before all words.
    """
    # RTF is ASCII, and what is beyond it stands in escapes that name their encoding.
    source = beginning(file, gathered, task, each=MARKED_UP).decode("latin-1")
    gathered.add(cast("str", rtf_to_text(source, errors="replace")))
