"""Lines of chat exports that begin a message, in the forms that chat programs write."""

import re
from enum import IntEnum, auto
from typing import NamedTuple

from everlake.analysis.shapes.chat_stamps import STAMP, date_first


class LineForm(IntEnum):
    """Form of the line that begins a message."""

    FROM = auto()  # 09:01:11 From Mira Vogel to Everyone: text (Zoom)
    ANGLE = auto()  # [09:01] <mira> text (IRC)
    TABS = auto()  # 09:01<tab>Mira<tab>text (LINE, WeeChat)
    BRACKETS = auto()  # [Mira] [9:01 PM] text (KakaoTalk)
    COLON = auto()  # 2/5/24, 9:01 - Mira: text (WhatsApp, Skype, Signal, KakaoTalk)
    BELOW = auto()  # 2024-05-02 09:01:11 Mira, and the text below (WeChat, Teams)
    TRAILING = auto()  # Mira, [02.05.2024 09:01], and the text below (Telegram, Slack)


class ChatLine(NamedTuple):
    """Line that begins a message; without a form it is a notice, which has a stamp only."""

    form: LineForm | None
    stamp: str
    speaker: str
    text: str


_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SPACES = str.maketrans("\u202f\xa0\u2007\u2009", "    ")
_LEADING = re.compile(
    rf"[ ]{{0,8}}(?:\[\s?({STAMP})\s?\]|\(({STAMP})\)|({STAMP})(?=[\s,-]|$)),?([\s]{{0,4}})"
    r"(?:[-\u2013\u2014|\u2022]\s{1,3})?",
    re.IGNORECASE,
)
_FROM = re.compile(
    r"(?:From|Von|Desde|De|Da|Van|Fra|Fr\u00e5n|Od|\u041e\u0442|\u6765\u81ea|\u5f9e|\uc5d0\uc11c)\s{1,3}"
    r"(?P<name>[^:\n]{1,80}?)(?:\s{1,3}(?:to|an|a|\u00e0|para|per|aan|til|till|do|\u043a|\u81f3|\u5230|"
    r"\u5bfe)\s{1,3}(?P<to>[^:\n]{1,120}))?\s{0,2}:(?:\s|$)"
)
_FROM_ABOVE = re.compile(
    r"(?:from|von|de|da|van)\s{1,3}([^:\n]{1,80}?)\s{1,3}(?:to|an|\u00e0|a|para|aan)\s{1,3}[^:\n]{1,80}:"
    rf"\s{{1,8}}({STAMP})\s{{0,4}}",
    re.IGNORECASE,
)
"""The same with the text below, as Webex has it."""
_ANGLE = re.compile(r"<[@+%&~! ]?([^\s<>/][^<>\n]{0,40})>\s?")
_ACTION = re.compile(r"\*\s([^\s*]{1,40})\s(?=\S)")
_TABS = re.compile(r"([^\t\n]{1,60})\t")
_COLON = re.compile(r"([^:\uff1a\n]{1,60}?)\s?[:\uff1a](?:\s|$|(?<=\uff1a))")
_NAME_ONLY = re.compile(r"([^:\uff1a\n\t]{1,60}?)\s?:?")
_BRACKETS = re.compile(rf"\[([^\[\]\n]{{1,60}})\]\s{{1,2}}\[({STAMP})\]\s", re.IGNORECASE)
_BRACKETED_NAME = re.compile(
    rf"\[([^\W\d_][^\[\]\n]{{0,59}})\]\s{{1,4}}({STAMP})\s{{0,4}}", re.IGNORECASE
)
_TRAILING = re.compile(
    rf"([^\W\d_][^:\n\[\](){{}}<>\"|=]{{0,59}}?(?:\s\([A-Za-z]{{4,8}}\))?),?\s{{1,4}}(?:[\u2014\u2013\u2022\u00b7-]\s{{1,3}})?"
    rf"(?:\[({STAMP})\]|\(({STAMP})\)|({STAMP}))\s?:?\s{{0,4}}",
    re.IGNORECASE,
)
_STAMP_ONLY = re.compile(rf"\s{{0,8}}(?:\[({STAMP})\]|({STAMP}))\s{{0,3}}", re.IGNORECASE)
_NAME_SUFFIX = re.compile(
    r"\s?(?:\(\d{4,12}\)|\((?i:pinned|edited|external|guest|extern|gast|bearbeitet|angepinnt)\)|<[^<>@\s]{1,60}@[^<>@\s]{1,80}>)\Z"
)
"""Number or address of an account, and marks of the message, behind a name."""
_BOLD = re.compile(r"\*\*([^*\n:]{1,60})\*\*")
_EDITED_HEAD = re.compile(r"(?<=\d)((?:\s?[AP]M)?),? \(?Edited\)?\Z")
"""Mark behind the time of a message (Google Chat)."""
_DECORATION = re.compile(r"~\s|[@+%&](?=\w)")
"""Signs before a name: of a person who is no contact (WhatsApp), and of an operator (IRC)."""
_SAYS = re.compile(r"\s(?:says|said|schrieb|dice|a dit)\Z", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_MAX_HEAD = 300


def clean_line(line: str) -> str:
    """Return a line without invisible marks of direction, and with ordinary spaces."""
    if not line.isascii():
        line = _MARKS.sub("", line).translate(_SPACES)
    if line.startswith("**"):  # A name in Markdown's bold type.
        line = _BOLD.sub(r"\1", line, count=1)
    return _EDITED_HEAD.sub(r"\1", line) if line.endswith(("dited", "dited)")) else line


def is_stamp(line: str) -> bool:
    """Return whether a line is a time and nothing else."""
    return (
        len(line) < 60
        and _DIGIT.search(line) is not None
        and _STAMP_ONLY.fullmatch(line) is not None
    )


def parse_line(line: str) -> ChatLine | None:
    """Return the message that a line begins, or the notice that it is; None for other lines."""
    if line[:1] != "<" and _DIGIT.search(line) is None:
        return None  # Neither a time nor a name in angle brackets.
    parsed = _parse(line)
    if parsed is None or not parsed.form:
        return parsed
    speaker, stamp = parsed.speaker, date_first(parsed.stamp)
    if speaker[:1] in "~@+%&" and not speaker[1:2].isdigit():
        speaker = _DECORATION.sub("", speaker, count=1) or speaker
    if speaker.endswith((")", ">")):
        speaker = _NAME_SUFFIX.sub("", speaker) or speaker
    elif parsed.form is LineForm.COLON:
        speaker = _SAYS.sub("", speaker) or speaker
    return parsed._replace(speaker=speaker, stamp=stamp)


def _parse(line: str) -> ChatLine | None:
    head = line[:_MAX_HEAD]
    found = _LEADING.match(head)
    if found:
        stamp = found[1] or found[2] or found[3]
        return _after_stamp(stamp, line[found.end() :], tabbed="\t" in found[4])
    if head.startswith("["):
        found = _BRACKETS.match(head)
        if found:
            return ChatLine(LineForm.BRACKETS, found[2], found[1].strip(), line[found.end() :])
        found = _BRACKETED_NAME.fullmatch(line) if len(line) < _MAX_HEAD else None
        return ChatLine(LineForm.TRAILING, found[2], found[1].strip(), "") if found else None
    found = _ANGLE.match(head)
    if found:
        return ChatLine(LineForm.ANGLE, "", found[1].strip(), line[found.end() :])
    found = _FROM_ABOVE.fullmatch(line) if len(line) < _MAX_HEAD else None
    if found:
        return ChatLine(LineForm.TRAILING, found[2], found[1].strip(), "")
    found = _TRAILING.fullmatch(line) if len(line) < _MAX_HEAD else None
    if found:
        stamp = found[2] or found[3] or found[4]
        return ChatLine(LineForm.TRAILING, stamp, found[1].strip(), "")
    return None


def _after_stamp(stamp: str, rest: str, *, tabbed: bool) -> ChatLine:
    head = rest[:_MAX_HEAD]
    found = _FROM.match(head)
    if found:
        return ChatLine(LineForm.FROM, stamp, found["name"].strip(), rest[found.end() :])
    for form, pattern in ((LineForm.ANGLE, _ANGLE), (LineForm.ANGLE, _ACTION)):
        found = pattern.match(head)
        if found:
            return ChatLine(form, stamp, found[1].strip(), rest[found.end() :])
    found = _TABS.match(head) if tabbed else None
    if found:
        return ChatLine(LineForm.TABS, stamp, found[1].strip(), rest[found.end() :])
    found = _COLON.match(head)
    if found:
        return ChatLine(LineForm.COLON, stamp, found[1].strip(), rest[found.end() :])
    found = _NAME_ONLY.fullmatch(head)
    if found and len(rest) < _MAX_HEAD:
        return ChatLine(LineForm.BELOW, stamp, found[1].strip(), "")
    return ChatLine(None, stamp, "", rest)
