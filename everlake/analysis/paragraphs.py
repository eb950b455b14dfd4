"""Paragraphs out of text that was laid out for a page.

Text from a PDF breaks its lines where the page ends, in the middle of sentences and words. Such
lines are joined again; list items and rows of tables stay lines of their own.
"""

import re
from collections.abc import Iterator

from everlake.analysis.prose import MAX_TEXT, normalize_text

MIN_PARAGRAPH = 300
"""A paragraph of fewer characters, such as a heading, is joined with the next one."""

_MIN_WRAP_WIDTH = 30
"""A line of fewer characters was not broken for want of room."""

_WRAP_FILL_RATIO = 0.6
"""A line that was broken for want of room fills at least so much of its paragraph's width."""

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
"""Characters at the end of a line: the longest word that is joined, and what is around it."""

_UNSPACED = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


def split_paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a page, in order, clean; a row of a table is one as well.

    Short neighbours come together, up to ``MAX_TEXT`` characters. A long paragraph is not cut.
    """
    text = _SOFT_HYPHEN.sub("", _PAGE_BREAKS.sub("\n\n", text))
    rows = _TableRowDetector(text)
    held: list[str] = []
    size = 0
    for paragraph in normalize_text(text).split("\n\n"):
        lines = paragraph.split("\n")
        are_rows = rows.are_rows(lines)
        whole = "" if are_rows else join_lines(lines)
        if held and (are_rows or size >= MIN_PARAGRAPH or size + len(whole) + 2 > MAX_TEXT):
            yield "\n\n".join(held)
            held, size = [], 0
        if are_rows:
            yield from lines
        else:
            held.append(whole)
            size += len(whole) + 2
    yield "\n\n".join(held)


def join_lines(lines: list[str]) -> str:
    """The clean lines of a paragraph, those of one sentence on one line."""
    width = max(map(len, lines))
    parts: list[str] = []
    for index, line in enumerate(lines):
        if index:
            parts.append(_separator(lines[index - 1], line, width, parts))
        parts.append(line)
    return "".join(parts)


def _separator(line: str, after: str, width: int, parts: list[str]) -> str:
    """What belongs between two lines. A hyphen that only parted a word is taken from ``parts``."""
    if not line or not after or _ITEM.match(after):
        return "\n"
    goes_on = after[0].islower()
    if goes_on and line[-1] == "-":
        if _is_line_break_hyphen(line):
            parts[-1] = line[:-1]
        return ""
    if not goes_on and not (width >= _MIN_WRAP_WIDTH and len(line) >= width * _WRAP_FILL_RATIO):
        return "\n"
    return "" if _UNSPACED.match(line[-1]) and _UNSPACED.match(after[0]) else " "


def _is_line_break_hyphen(line: str) -> bool:
    """Whether the hyphen at its end is the only one of its word."""
    return _HYPHENATED.search(line[-_HYPHEN_WINDOW:]) is not None


class _TableRowDetector:
    """Tells the rows of a table from lines of a sentence. ``clean`` leaves no tabs, so those of
    the text as it was say whether there may be any.
    """

    def __init__(self, text: str) -> None:
        self._tabbed = {normalize_text(line) for line in text.split("\n") if "\t" in line.strip()}

    def are_rows(self, lines: list[str]) -> bool:
        """Whether most of these lines are rows."""
        return len(lines) > 1 and 2 * sum(map(self._is_row, lines)) > len(lines)

    def _is_row(self, line: str) -> bool:
        return (
            line in self._tabbed
            or line.count(" | ") > 0
            or _LABELLED_CELLS.match(line) is not None
            or sum(1 for _ in _TIGHT_MARK.finditer(line)) > 1
        )
