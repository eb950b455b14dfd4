"""Prose: normalising, splitting, comparing, and telling it from machine data."""

import re
from collections.abc import Iterable

from everlake.model.utterances import MAX_TEXT_LENGTH

_MAX_COMPARED_LENGTH = 200_000

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
_MACHINE_LINE = re.compile(
    r"\{\s{0,9}+\"[^\"\n]{1,80}+\"\s{0,3}+:|\[\{\s{0,9}+\"|Mozilla/\d|HTTP/\d"
    r"|\d{2,5}+\s?[x\u00d7]\s?\d{2,5}+\Z|[a-z]{3,12}+/[\w.+-]{1,80}+;\s?+[a-z]{1,20}+=\S"
    r"|(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}(?::\d{2})?(?: \S{1,10})?\Z"
)
"""JSON, a browser's name for itself, a media type with parameters, a date of a mail header."""
_CODE = re.compile(
    r"[vV]\d{1,5}(?:\.\d{1,9}){1,4}+|\d{2,5}+[x\u00d7]\d{2,5}+|[A-Z][A-Z0-9]{1,9}+-\d{1,7}+"
    r"|[A-Z]{2,6}+\d{4,12}+"
)
"""A version, the size of a screen, the key or number of an issue."""
_MENTION = re.compile("\ufdd0[^\ufdd0\ufdd1]*+\ufdd1|[\ufdd0\ufdd1]")
_DIGIT = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff]")
_LETTER = re.compile(r"[^\W\d_]")


def normalize_text(text: str) -> str:
    """Return the text with normalised white space and without control characters.

    Runs of spaces become one space, and runs of blank lines one blank line; lines are stripped.
    Lone surrogates become U+FFFD, so that the result can be encoded in UTF-8.
    """
    if text.isprintable():
        return (text if "  " not in text else _SPACES.sub(" ", text)).strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)
    text = _SURROGATES.sub("\ufffd", text)
    text = _AROUND_BREAK.sub("\n", _SPACES.sub(" ", text))
    return _BLANK_LINES.sub("\n\n", text).strip()


def split_text(text: str) -> list[str]:
    """Split a text into non-empty pieces of at most ``MAX_TEXT_LENGTH`` characters.

    A piece ends after a paragraph, else a line, sentence, clause or word, within its last three
    quarters; else anywhere.
    """
    pieces: list[str] = []
    start = 0
    while len(text) - start > MAX_TEXT_LENGTH:
        end = _split_position(text, start, start + MAX_TEXT_LENGTH)
        pieces.append(text[start:end].strip())
        start = end
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if piece]


def _split_position(text: str, start: int, end: int) -> int:
    earliest = start + MAX_TEXT_LENGTH // 4
    for marks in _SPLIT_MARKS:
        position = max(
            index + len(mark) if (index := text.rfind(mark, earliest, end)) >= 0 else -1
            for mark in marks
        )
        if position > 0:
            return position
    return end


def is_machine_text(text: str) -> bool:
    """Return whether a text is clearly not prose: an address, link, id, number or hash."""
    if " " in text or "\n" in text:
        return not _LETTER.search(text) or _MACHINE_LINE.match(text) is not None
    if text.isalpha() and len(text) < 40:
        return False
    if not _LETTER.search(text) or _LONE_LINK.fullmatch(text):
        return True
    if not text.isascii():
        return len(text) <= 320 and _ADDRESS.fullmatch(text) is not None
    return (
        len(text) >= 40
        or _MACHINE_SIGN.search(text) is not None
        or _CODE.fullmatch(text) is not None
        or (len(text) >= 10 and _DIGIT.search(text) is not None)
    )


def is_single_word(text: str) -> bool:
    """Return whether a text is one word, in a script that puts spaces between words."""
    text = text.strip()
    return len(text) < 40 and not any(map(str.isspace, text)) and not _UNSPACED.search(text)


def is_sentence(text: str) -> bool:
    """Return whether a text is certainly prose: it has at least six words."""
    return len(text) > 24 and len(_LETTERS.findall(text)) >= 6 and not is_machine_text(text)


class CoverageIndex:
    """Index of texts that tells whether another text repeats them.

    A line is covered when every three consecutive words of it (all words of a shorter line) are
    also consecutive in one of the texts. Punctuation, case and links are ignored, so that a line
    without any words is covered. Texts of more than 200,000 characters in total cover nothing: to
    keep a repetition is better than to lose a text.

    Args:
        texts: the indexed texts.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = list(texts)
        self._ngrams: set[tuple[str, ...]] | None = None

    def covers(self, line: str, *, truncated: bool = False) -> bool:
        """Return whether a line repeats the texts; ``truncated``: its last word may be cut off."""
        if self._ngrams is None:
            self._ngrams = set()
            if sum(map(len, self._texts)) <= _MAX_COMPARED_LENGTH:
                for text in self._texts:
                    words = _words(text)
                    for size in (1, 2, 3):
                        self._ngrams.update(_word_ngrams(words, size))
        if not self._ngrams:
            return False
        if "\ufdd0" in line:  # A mention, which the other rendering may write otherwise.
            return all(self.covers(part) for part in _MENTION.split(line) if part.strip())
        words = _words(line)
        if not words:
            return line.isascii()
        if truncated and len(words) > 3:
            words = words[:-1]
        return self._ngrams.issuperset(_word_ngrams(words, min(3, len(words))))

    def uncovered_lines(self, text: str, *, truncated: bool = False) -> str:
        """Return the lines of a text that are neither covered nor blank."""
        return "\n".join(
            line
            for line in text.split("\n")
            if line.strip() and not self.covers(line, truncated=truncated)
        )


def _words(text: str) -> list[str]:
    return _WORD.findall(_LINK.sub(" ", text).casefold())


def _word_ngrams(words: list[str], size: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(size)), strict=False)
