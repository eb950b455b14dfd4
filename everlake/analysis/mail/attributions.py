"""Attributions: the "On … wrote:" that mail programs put above a quotation."""

import re
from collections.abc import Sequence
from functools import reduce

from everlake.analysis.mail.attribution_words import (
    CALENDAR,
    CONNECTORS,
    SHORT_DAYS,
    UNSPACED_VERBS,
    VERBS,
)

MAX_LENGTH = 420
MAX_LINES = 4

_VERB = re.compile(rf"(?<![\w])(?:{VERBS})(?![\w])|(?:{UNSPACED_VERBS})", re.IGNORECASE)
_END = re.compile(r"[:\uff1a][*_\s\u200e\u200f\u202a-\u202e\u2066-\u2069]{0,8}+\Z")
_DASH_END = re.compile(r"\s?-{2,20}\Z")
_ADDRESS = re.compile(
    r"[<(\[\"]{0,3}(?:mailto:)?[^\s<>@\"(\[\]),;:]{1,64}@[^\s<>@\"()\[\],;]{1,200}+[>)\]\"]{0,3}"
)
_TIME = re.compile(r"(?<!\d)\d{1,2}\s?(?:[:.hu時时시]|h:)\s?\d{2}(?!\d)", re.IGNORECASE)
_DATE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d(?!\d)|\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{2,4}(?!\d)"
    r"|\d{1,2}[./-]\d{1,2}(?!\d)|[\u0661\u0662][\u0660-\u0669]{3}(?!\d)"
    r"|[\u06f1\u06f2][\u06f0-\u06f9]{3}(?!\d))"
)
_PRONOUN = re.compile(
    r"(?<!\w)(?:you|i|we|he|she|they|ich|wir|sie schrieben|vous|nous|elle|usted|nosotros)(?!\w)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019.-][^\W\d_]+)*")


def attribution_length(lines: Sequence[str], index: int, *, quote_follows: Sequence[bool]) -> int:
    """Return the number of lines of the attribution at a line; 0 when there is none.

    It may be wrapped over several lines, but not over a blank line. The line above it, which does
    not belong to it, is told by the rest being complete.

    Args:
        lines: lines of the text, stripped.
        index: first line.
        quote_follows: whether the first text after a line is quoted with ``>``, by line.
    """
    text = ""
    for length, line in enumerate(lines[index : index + MAX_LINES], 1):
        if not line or len(line) > MAX_LENGTH:
            return 0
        text = _join(text, line)
        if len(text) > MAX_LENGTH:
            return 0
        if not _is_end(text):
            if line[-1] in "!?\u3002\uff01\uff1f;":
                return 0
            continue
        last = index + length - 1
        if not is_attribution(text, is_before_quote=quote_follows[last]):
            return 0
        for start in range(index + 1, last + 1):
            rest = reduce(_join, lines[start : last + 1])
            if _has_date(rest) and is_attribution(rest, is_before_quote=quote_follows[last]):
                return 0
        if length > 1 and not _may_begin(lines[index]):
            return 0
        return length
    return 0


def is_attribution(text: str, *, is_before_quote: bool = False) -> bool:
    """Return whether a line attributes the text after it to somebody, as mail programs do.

    It says when, and who by name or address, and little more. A sentence such as "On Tuesday the
    manager wrote:" has other words, and no date that a program would give.

    Args:
        text: the line; for one that was wrapped, all of it.
        is_before_quote: whether a quotation with ``>`` follows, so that less is enough.
    """
    if len(text) > MAX_LENGTH or not _is_end(text):
        return False
    verbs = sum(1 for _ in _VERB.finditer(text))
    address = _ADDRESS.search(text) if "@" in text else None
    has_address = address is not None
    is_bracketed = has_address and address[0][0] in "<(["
    has_date = _DATE.search(text) is not None
    has_time = _TIME.search(text) is not None
    if verbs > 1 or (not is_before_quote and _PRONOUN.search(text)):
        return False  # A sentence, such as "As you wrote on 2 May 2024 at 9:01:".
    if not verbs:
        return is_bracketed and has_date and has_time and _foreign_words(text) <= 2
    if is_before_quote or (text.startswith("--") and text.endswith("--")):
        return len(text.split()) <= (24 if has_date or has_address else 8)
    if has_address and (has_date or has_time):
        return _foreign_words(text) <= (4 if is_bracketed and has_date and has_time else 2)
    if has_address:
        return is_bracketed and _foreign_words(text) == 0 and len(text.split()) <= 8
    if has_date and has_time:
        return _foreign_words(text) <= 1
    return has_date and _foreign_words(text) == 0 and _has_name(text)


def _join(text: str, line: str) -> str:
    """Return a wrapped text with its next line; an address begins right after its bracket."""
    return text + line if not text or text[-1] in "<([" else f"{text} {line}"


def _is_end(text: str) -> bool:
    return _END.search(text[-10:]) is not None or (
        _DASH_END.search(text[-24:]) is not None and text.startswith("--")
    )


def _has_date(text: str) -> bool:
    return _DATE.search(text) is not None or _TIME.search(text) is not None


def _may_begin(line: str) -> bool:
    """Return whether an attribution that is wrapped may begin with a line."""
    return _has_date(line) or "@" in line or _VERB.search(line) is not None or '"' in line


def _foreign_words(text: str) -> int:
    """Return the number of words that belong neither to a name nor to a date or time."""
    text = _ADDRESS.sub(" ", _VERB.sub(" ", text))
    return sum(1 for match in _WORD.finditer(text) if _is_foreign(match[0]))


def _is_foreign(word: str) -> bool:
    if not word[0].islower() or "\u10d0" <= word[0] <= "\u10ff":  # Georgian has one case
        return False
    word = word.strip(".'\u2019-")
    return not (
        len(word) < 2
        or word in CONNECTORS
        or word in SHORT_DAYS
        or word[:3] in CALENDAR
        or word[:4] in CALENDAR
    )


def _has_name(text: str) -> bool:
    """Return whether a word that is no part of a date begins with a capital letter."""
    names = 0
    for match in list(_WORD.finditer(_VERB.sub(" ", text)))[1:]:
        word = match[0].lower()
        if match[0][0].isupper() and word[:3] not in CALENDAR and word not in CONNECTORS:
            names += 1
    return names > 0
