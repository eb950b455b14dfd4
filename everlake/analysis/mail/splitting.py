"""Splitting of a mail into what its sender wrote, and quotations and signatures."""

from collections.abc import Iterator
from enum import Enum, auto

from everlake.analysis.mail.attributions import attribution_length, is_attribution
from everlake.analysis.mail.headers import has_header_block
from everlake.analysis.mail.markers import is_framed_text, is_marker, is_ruler
from everlake.analysis.mail.notices import notice_length
from everlake.analysis.mail.signatures import is_client_line, is_delimiter

_MAX_BLANK_LINES = 3
"""Blank lines between a ruler and the quotation that it belongs to."""


class LineKind(Enum):
    """Who wrote a line of a mail."""

    OWN = auto()
    QUOTED = auto()
    SIGNATURE = auto()


def split_quotes(text: str, *, angle_quotes: bool = True) -> list[tuple[bool, str]]:
    """Split the text of an email into segments: (whether the sender wrote it, the segment).

    Not written by the sender are lines that begin with ``>``, what follows ``On … wrote:``,
    ``-----Original Message-----`` or a copied mail header, the signature after ``--``, lines such
    as ``Sent from my iPhone``, and notices of servers and companies. Together the segments contain
    every line of the text.

    Args:
        text: normalised text.
        angle_quotes: whether ``>`` at the start of a line marks a quotation. Where an attribution
            precedes such lines, they are quotations anyway.
    """
    lines = text.split("\n")
    kinds = list(_LineClassifier(lines, angle_quotes=angle_quotes).kinds())
    segments: list[tuple[bool, str]] = []
    start = 0
    for index in range(1, len(lines) + 1):
        if index == len(lines) or kinds[index] is not kinds[start]:
            segment = "\n".join(lines[start:index]).strip()
            if segment.strip("> \n"):
                segments.append((kinds[start] is LineKind.OWN, segment))
            start = index
    return segments


class _LineClassifier:
    """Classifier of the lines of one mail, from top to bottom.

    Args:
        lines: lines of the text, normalised.
        angle_quotes: see :func:`split_quotes`.
    """

    def __init__(self, lines: list[str], *, angle_quotes: bool) -> None:
        self._lines = [line.strip() for line in lines]
        self._angle_quotes = angle_quotes
        self._next = _next_text(self._lines)
        self._quote_follows = [
            following is not None and self._lines[following].startswith(">")
            for following in self._next
        ]

    def kinds(self) -> Iterator[LineKind]:
        """Yield the kind of each line."""
        kind = default = LineKind.OWN
        rest = 0  # further lines of an attribution or notice that spans several
        for index, text in enumerate(self._lines):
            if rest:
                rest -= 1
            elif default is LineKind.QUOTED or not text:
                pass
            elif self._begins_history(index):
                kind = default = LineKind.QUOTED
            elif self._is_angle_quote(index):
                kind, default = LineKind.QUOTED, LineKind.OWN
            elif length := attribution_length(
                self._lines, index, quote_follows=self._quote_follows
            ):
                kind, rest = LineKind.QUOTED, length - 1
                default = LineKind.OWN
                if self._quote_follows[index + length - 1]:
                    self._angle_quotes = True
                else:
                    default = kind
            elif is_delimiter(text):
                kind = default = LineKind.SIGNATURE
            elif length := self._added_lines(index):
                kind, rest = LineKind.SIGNATURE, length - 1
            else:
                kind = default
            yield kind

    def _added_lines(self, index: int) -> int:
        """Return the number of lines from a line that a program added: its own, or a notice."""
        if is_client_line(self._lines[index], is_last=self._is_last(index)):
            return 1
        if index and self._lines[index - 1]:
            return self._below_ruler(index)
        return notice_length(self._lines, index) or self._below_ruler(index)

    def _below_ruler(self, index: int) -> int:
        if not is_ruler(self._lines[index]) or index + 1 >= len(self._lines):
            return 0
        length = notice_length(self._lines, index + 1)
        return length + 1 if length else 0

    def _begins_history(self, index: int) -> bool:
        """Return whether a header block or marker is at a line, or below it if it is a ruler."""
        text = self._lines[index]
        if is_marker(text) or has_header_block(self._lines, index):
            return True
        if not (is_ruler(text) or is_framed_text(text)):
            return False
        following = self._next[index]
        if following is None or following - index > _MAX_BLANK_LINES:
            return False
        below = self._lines[following]
        return (
            is_marker(below)
            or has_header_block(self._lines, following, is_framed=True)
            or (attribution_length(self._lines, following, quote_follows=self._quote_follows) > 0)
        )

    def _is_angle_quote(self, index: int) -> bool:
        """Return whether a line is quoted; a lone ``> 5`` is a comparison."""
        text = self._lines[index]
        if not text.startswith(">"):
            return False
        if not self._angle_quotes:
            if not is_attribution(text.lstrip("> ")):
                return False
            self._angle_quotes = True
        content = text.lstrip("> ")
        if text[1:2] == "=" or (content[:1].isdigit() and text[:2] != ">>"):
            above = self._lines[index - 1] if index else ""
            below = self._lines[index + 1] if index + 1 < len(self._lines) else ""
            is_alone = not above.startswith(">") and not below.startswith(">")
            return not (is_alone and above and not above.endswith((":", "\uff1a")))
        return True

    def _is_last(self, index: int) -> bool:
        following = self._next[index]
        return (
            following is None
            or self._quote_follows[index]
            or self._begins_history(following)
            or is_delimiter(self._lines[following])
            or attribution_length(self._lines, following, quote_follows=self._quote_follows) > 0
        )


def _next_text(lines: list[str]) -> list[int | None]:
    """Return the index of the next line that is not blank, for each line."""
    following: list[int | None] = [None] * len(lines)
    found: int | None = None
    for index in range(len(lines) - 1, -1, -1):
        following[index] = found
        if lines[index]:
            found = index
    return following
