"""Text as people read it: cleaned, cut to a bounded length, and told from machine words."""

import re
from collections.abc import Iterable

MAX_TEXT = 2_000
"""Most characters of one utterance."""

_MAX_COMPARED = 200_000

_INVISIBLE = map(ord, "\u00ad\u034f\u200b\u2060\ufeff")
_REMOVED_CHARACTERS = dict.fromkeys(
    (*range(9), *range(14, 32), *range(127, 133), *range(134, 160), *_INVISIBLE)
)
_BREAKS = dict.fromkeys(map(ord, "\x0b\x0c\x85\u2028\u2029"), "\n")
_TABLE = {**_REMOVED_CHARACTERS, **_BREAKS}
_SPACES = re.compile(r"[^\S\n]+")
_AROUND_BREAK = re.compile(r" ?\n ?")
_BLANK_LINES = re.compile(r"\n{3,}")
_SURROGATES = re.compile("[\ud800-\udfff]")

_SPLIT_MARKS = (
    ("\n\n",),
    ("\n",),
    (". ", "! ", "? ", "… ", '." ', '?" ', "\u3002", "\uff01", "\uff1f", ".\t"),
    ("; ", ", ", "\u3001", "\uff0c"),
    (" ",),
)
_WORD = re.compile(r"\w+")
_LINK = re.compile(r"\bhttps?://[^\s<>\"]+|\bwww\.[^\s<>\"]+", re.IGNORECASE)
_LONE_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}://|www\.|mailto:|data:)\S+", re.IGNORECASE)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MACHINE_SIGN = re.compile(r"[_/\\=@#{}<>|~^$%*]")
_DIGIT = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_LETTER = re.compile(r"[^\W\d_]")


def normalize_text(text: str) -> str:
    """``text`` with white space normalised and control characters dropped.

    Runs of spaces become one, lines lose the spaces around them, and at most one blank line
    stays between two others. Half surrogate pairs become U+FFFD, so the result is always
    valid UTF-8.
    """
    if text.isprintable():
        return (text if "  " not in text else _SPACES.sub(" ", text)).strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)
    text = _SURROGATES.sub("\ufffd", text)
    text = _AROUND_BREAK.sub("\n", _SPACES.sub(" ", text))
    return _BLANK_LINES.sub("\n\n", text).strip()


def split_text(text: str) -> list[str]:
    """``text`` in pieces of at most ``MAX_TEXT`` characters, none empty.

    Cut where it hurts least: between paragraphs, lines, sentences, clauses, words; anywhere
    when there is no such place in the last three quarters of the window.
    """
    pieces: list[str] = []
    start = 0
    while len(text) - start > MAX_TEXT:
        end = _split_position(text, start, start + MAX_TEXT)
        pieces.append(text[start:end].strip())
        start = end
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if piece]


def _split_position(text: str, start: int, end: int) -> int:
    least = start + MAX_TEXT // 4
    for marks in _SPLIT_MARKS:
        cut = max(
            at + len(mark) if (at := text.rfind(mark, least, end)) >= 0 else -1 for mark in marks
        )
        if cut > 0:
            return cut
    return end


def is_machine_text(text: str) -> bool:
    """Whether ``text`` is plainly not prose: an address, a link, an id, a number, a hash."""
    if " " in text or "\n" in text:
        return not _LETTER.search(text)
    if text.isalpha() and len(text) < 40:
        return False
    if not _LETTER.search(text) or _LONE_LINK.fullmatch(text):
        return True
    if not text.isascii():
        return len(text) <= 320 and _ADDRESS.fullmatch(text) is not None
    return (
        len(text) >= 40
        or _MACHINE_SIGN.search(text) is not None
        or (len(text) >= 10 and _DIGIT.search(text) is not None)
    )


def is_sentence(text: str) -> bool:
    """Whether ``text`` is prose by its length alone: six words of letters or more."""
    return len(text) > 24 and len(_LETTERS.findall(text)) >= 6


class CoverageIndex:
    """What has been said already, to tell another rendering of it from something new.

    A line is covered when every three words in a row of it (all its words, where it has
    fewer) also stand in a row in the texts. Punctuation, case and links do not count, so a
    line of them alone is covered. Texts of more than 200,000 characters cover nothing: keeping
    too much is the safer mistake.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = list(texts)
        self._runs: set[tuple[str, ...]] | None = None

    def covers(self, line: str, *, cut_off: bool = False) -> bool:
        """Whether ``line`` says nothing new; ``cut_off``: its last word may be a stump."""
        if self._runs is None:
            self._runs = set()
            if sum(map(len, self._texts)) <= _MAX_COMPARED:
                for text in self._texts:
                    words = _words(text)
                    for size in (1, 2, 3):
                        self._runs.update(_word_ngrams(words, size))
        if not self._runs:
            return False
        words = _words(line)
        if not words:
            return line.isascii()
        if cut_off and len(words) > 3:
            words = words[:-1]
        return self._runs.issuperset(_word_ngrams(words, min(3, len(words))))

    def uncovered_lines(self, text: str, *, cut_off: bool = False) -> str:
        """The lines of ``text`` that are not covered."""
        lines = text.split("\n")
        return "\n".join(x for x in lines if x.strip() and not self.covers(x, cut_off=cut_off))


def _words(text: str) -> list[str]:
    return _WORD.findall(_LINK.sub(" ", text).casefold())


def _word_ngrams(words: list[str], size: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(size)), strict=False)
