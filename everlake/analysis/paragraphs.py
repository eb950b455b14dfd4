"""Paragraphs of text that was laid out for pages.

Text from a PDF has a line break at the right margin, within sentences and words. Such lines are
joined again. List items and table rows remain lines of their own.
"""

import re
from collections.abc import Iterator

from everlake.analysis.prose import normalize_text
from everlake.model.utterances import MAX_TEXT_LENGTH

MIN_PARAGRAPH_LENGTH = 300
"""A shorter paragraph, such as a heading, is merged with the next one."""

_MIN_WRAP_WIDTH = 30
"""A shorter line was not wrapped at a margin."""

_WRAP_FILL_RATIO = 0.6
"""A line that was wrapped has at least this part of its paragraph's width."""

_PAGE_BREAKS = re.compile(r"[\f\x1c-\x1e]")
_SOFT_HYPHEN = re.compile(r"\u00ad[ \t]*(?:\r\n?|\n)[ \t]*")
_ITEM = re.compile(
    r"(?:[-*+\u2022\u2023\u2043\u2219\u25a0\u25aa\u25cb\u25cf\u25e6\u2013\u2014\u00b7\u2610-\u2612"
    r"\uf0a7\uf0b7]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|\[[ xX]\])\s"
)
_LABELLED_CELLS = re.compile(r"[^:;\n]{1,80}: [^;\n]{0,400}; [^:;\n]{1,80}: ")
_TIGHT_MARK = re.compile(r"(?<=\D)[,;](?=\S)|[,;](?=[^\s\d])")
_HYPHENATED = re.compile(r"(?:^|[^\w-])[^\W\d_]{2,40}-\Z")
_HYPHEN_WINDOW = 44
"""Characters examined at the end of a line: the longest word that is joined, and its context."""

_UNSPACED = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


def split_paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs and table rows of a page in order, normalised.

    Short consecutive paragraphs are merged, up to ``MAX_TEXT_LENGTH`` characters. A long paragraph
    is not split.
    """
    text = _SOFT_HYPHEN.sub("", _PAGE_BREAKS.sub("\n\n", text))
    rows = _TableRowDetector(text)
    pending: list[str] = []
    length = 0
    for block in normalize_text(text).split("\n\n"):
        lines = block.split("\n")
        are_rows = rows.are_rows(lines)
        paragraph = "" if are_rows else join_lines(lines)
        is_full = length >= MIN_PARAGRAPH_LENGTH or length + len(paragraph) + 2 > MAX_TEXT_LENGTH
        if pending and (are_rows or is_full):
            yield "\n\n".join(pending)
            pending, length = [], 0
        if are_rows:
            yield from lines
        else:
            pending.append(paragraph)
            length += len(paragraph) + 2
    yield "\n\n".join(pending)


def join_lines(lines: list[str]) -> str:
    """Join the normalised lines of a paragraph, undoing line breaks within sentences."""
    width = max(map(len, lines))
    parts: list[str] = []
    for index, line in enumerate(lines):
        if index:
            parts.append(_separator(lines[index - 1], line, width, parts))
        parts.append(line)
    return "".join(parts)


def _separator(line: str, following: str, width: int, parts: list[str]) -> str:
    """Return the separator of two lines; remove a hyphenation mark from the end of ``parts``."""
    if not line or not following or _ITEM.match(following):
        return "\n"
    continues = following[0].islower()
    if continues and line[-1] == "-":
        if _is_hyphenated(line):
            parts[-1] = line[:-1]
        return ""
    is_wrapped = width >= _MIN_WRAP_WIDTH and len(line) >= width * _WRAP_FILL_RATIO
    if not continues and not is_wrapped:
        return "\n"
    return "" if _UNSPACED.match(line[-1]) and _UNSPACED.match(following[0]) else " "


def _is_hyphenated(line: str) -> bool:
    """Return whether the hyphen at the end of a line is the only one of its word."""
    return _HYPHENATED.search(line[-_HYPHEN_WINDOW:]) is not None


class _TableRowDetector:
    """Detector of table rows among normalised lines.

    Args:
        text: the text before normalisation, which removes the tabs that separate cells.
    """

    def __init__(self, text: str) -> None:
        self._tabbed = {normalize_text(line) for line in text.split("\n") if "\t" in line.strip()}

    def are_rows(self, lines: list[str]) -> bool:
        """Return whether most of the lines are table rows."""
        return len(lines) > 1 and 2 * sum(map(self._is_row, lines)) > len(lines)

    def _is_row(self, line: str) -> bool:
        return (
            line in self._tabbed
            or line.count(" | ") > 0
            or _LABELLED_CELLS.match(line) is not None
            or sum(1 for _ in _TIGHT_MARK.finditer(line)) > 1
        )
