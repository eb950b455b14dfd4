"""Text builder: cleans, counts and collects the sections that a reader finds."""

import re

from everlake.attachments.extraction.ipc import MAX_PLACE_CHARACTERS, MAX_SECTIONS
from everlake.attachments.extraction.types import AttachmentText, TextKind, TextSection

FORBIDDEN_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufff9-\ufffc\ufffe\uffff\ud800-\udfff]"
)
"""Not in any text: control characters, surrogates, noncharacters, characters of no width."""

FLUSH_CHARACTERS = 100_000
"""Length of the pieces in which readers of markup and rows hand on their text."""

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_TRAILING = re.compile(r"(?<![ \t\xa0])[ \t\xa0]++(?=\n|\Z)")
_BLANK = re.compile(r"\n{3,}")


class TextLimitReached(Exception):
    """The text has its greatest length; the rest of the file is left out."""


class TextBuilder:
    """Collects the sections of one file.

    Args:
        max_characters: length at which the text is truncated.

    Attributes:
        kind: how the text is structured.
        truncated: whether the file goes on after the text.
        remaining: characters that may still be added.
        progress: counts what was found, also before it is added.
    """

    def __init__(self, max_characters: int) -> None:
        self.kind = TextKind.PROSE
        self.truncated = False
        self.remaining = max_characters
        self.progress = 0
        self._sections: list[TextSection] = []

    def add(self, text: str, place: str | None = None) -> None:
        """Append a section, unless it is empty once it is clean.

        Raises:
            TextLimitReached: nothing can be added after it.
        """
        text = clean_text(text)
        cut = len(text) > self.remaining
        text = text[: self.remaining].rstrip()
        if text:
            self.remaining -= len(text)
            self.progress += 1
            if place is not None:
                place = clean_text(place[:MAX_PLACE_CHARACTERS]).replace("\n", " ") or None
            self._sections.append(TextSection(text, place))
        if cut or len(self._sections) == MAX_SECTIONS:
            raise TextLimitReached

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added."""
        return not self._sections

    def build(self) -> AttachmentText:
        """Return what was added."""
        return AttachmentText(
            kind=self.kind, sections=tuple(self._sections), truncated=self.truncated
        )


def clean_text(text: str) -> str:
    """Return ``text`` in the form that :class:`AttachmentText` promises of its sections."""
    text = _LINE_ENDS.sub("\n", text)
    text = FORBIDDEN_CHARACTERS.sub("", text)
    return _BLANK.sub("\n\n", _TRAILING.sub("", text)).strip("\n")
