"""Sections as they are found, cleaned and counted."""

import re

from everlake.attachments.extraction.ipc import MAX_PLACE_CHARACTERS, MAX_SECTIONS
from everlake.attachments.extraction.types import AttachmentText, TextKind, TextSection

FORBIDDEN_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufff9-\ufffc\ufffe\uffff\ud800-\udfff]"
)
"""What no text has: control characters, surrogates, noncharacters, marks of no width."""

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_TRAILING = re.compile(r"(?<![ \t\xa0])[ \t\xa0]++(?=\n|\Z)")
_BLANK = re.compile(r"\n{3,}")


class TextLimitReached(Exception):
    """There is as much text as may be; what else the file has is left out."""


class TextBuilder:
    """The sections of one file.

    Args:
        most_characters: after which the text is cut.
    """

    def __init__(self, max_characters: int) -> None:
        self.kind = TextKind.PROSE
        self.truncated = False
        self.remaining = max_characters
        self._sections: list[TextSection] = []

    def add(self, text: str, place: str | None = None) -> None:
        """Append a section, unless it is empty.

        Raises:
            Full: no more is taken.
        """
        text = clean_text(text)
        cut = len(text) > self.remaining
        text = text[: self.remaining].rstrip()
        if text:
            self.remaining -= len(text)
            if place is not None:
                place = clean_text(place[:MAX_PLACE_CHARACTERS]).replace("\n", " ") or None
            self._sections.append(TextSection(text, place))
        if cut or len(self._sections) == MAX_SECTIONS:
            raise TextLimitReached

    def build(self) -> AttachmentText:
        """All that was added."""
        return AttachmentText(
            kind=self.kind, sections=tuple(self._sections), truncated=self.truncated
        )


def clean_text(text: str) -> str:
    """``text`` as :class:`everlake.attachments.extraction.AttachmentText` promises it."""
    text = _LINE_ENDS.sub("\n", text)
    text = FORBIDDEN_CHARACTERS.sub("", text)
    return _BLANK.sub("\n\n", _TRAILING.sub("", text)).strip("\n")
