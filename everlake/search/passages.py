"""The part of a text that answers a query, with the words that do marked in it.

The index compares stems; here two words are the same when they differ only in an English
ending. That decides what is shown and marked, never what is found.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from everlake.model.utterances import TextQuery
from everlake.search.query import split_words

MAX_PASSAGE_LENGTH = 300
"""Most characters of a passage."""

_MAX_SCANNED_LENGTH = 100_000
_LEAD_LENGTH = 60
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff]")
_SUFFIXES = frozenset(
    {"s", "es", "ed", "d", "ing", "ings", "ly", "er", "ers", "ion", "ions", "ation", "ations"}
    | {"al", "ally", "able", "ive", "ment", "ments", "ness", "y", "ies", "ied", "ying", "e"}
)
_WEAK_SUFFIXES = frozenset(("e", "y"))


class Passage(msgspec.Struct, frozen=True):
    """``highlights`` are [start, end) offsets in ``text``, in characters (code points)."""

    text: str
    highlights: list[tuple[int, int]]


def best_passage(text: str, query: TextQuery) -> Passage:
    """The stretch of ``text`` with the most different words of the query, at most 300 long.

    Only the first 100,000 characters are looked at.
    """
    terms = list(
        dict.fromkeys(
            _fold(word) for part in (query.words, *query.phrases) for word in split_words(part)
        )
    )
    marks = _without_overlaps(_find_matches(text[:_MAX_SCANNED_LENGTH], terms))
    start, end = _window(text, marks)
    inside = [(a - start, b - start) for a, b, _ in marks if start <= a and b <= end]
    return Passage(text[start:end], inside)


def _find_matches(text: str, terms: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Where a term stands: start, end, and which term."""
    unspaced = [(index, term) for index, term in enumerate(terms) if _UNSPACED.search(term)]
    known: dict[str, int | None] = {}
    for found in _WORD.finditer(text):
        word = found.group()
        if word not in known:
            folded = _fold(word)
            known[word] = next(
                (index for index, term in enumerate(terms) if _same_word(term, folded)), None
            )
        match known[word]:
            case None:
                for index, term in unspaced:
                    yield from _find_matches_in_unspaced(found, term, index)
            case index:
                yield found.start(), found.end(), index


def _find_matches_in_unspaced(
    found: re.Match[str], term: str, index: int
) -> Iterator[tuple[int, int, int]]:
    """Scripts without spaces have words inside of "words": mark what shares two characters."""
    size = min(len(term), 2)
    pairs = {term[at : at + size] for at in range(len(term) - size + 1)}
    word, at = found.group(), 0
    while at < len(word):
        end = at
        while word[end : end + size] in pairs:
            end += 1
        if end > at:
            yield found.start() + at, found.start() + end + size - 1, index
            at = end + size - 1
        else:
            at += 1


def _without_overlaps(matches: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """In order, and of those that overlap the first and longest."""
    apart: list[tuple[int, int, int]] = []
    for mark in sorted(matches, key=lambda one: (one[0], -one[1])):
        if not apart or mark[0] >= apart[-1][1]:
            apart.append(mark)
    return apart


def _window(text: str, matches: Sequence[tuple[int, int, int]]) -> tuple[int, int]:
    if len(text) <= MAX_PASSAGE_LENGTH:
        return 0, len(text)
    best, most = 0, (0, 0)
    for first, (start, _, _) in enumerate(matches):
        inside = [
            index
            for _, end, index in matches[first : first + MAX_PASSAGE_LENGTH]
            if end <= start + MAX_PASSAGE_LENGTH - _LEAD_LENGTH
        ]
        if (score := (len(set(inside)), len(inside))) > most:
            best, most = start, score
    start = max(min(best - _LEAD_LENGTH, len(text) - MAX_PASSAGE_LENGTH), 0)
    end = min(start + MAX_PASSAGE_LENGTH, len(text))
    return _trim_to_whitespace(text, start, end)


def _trim_to_whitespace(text: str, start: int, end: int) -> tuple[int, int]:
    """Move both ends inwards to white space, where there is some near."""
    if start > 0 and (gap := re.search(r"\s\S", text[start : start + _LEAD_LENGTH // 2])):
        start += gap.start() + 1
    if end < len(text):
        tail = text[end - _LEAD_LENGTH // 2 : end]
        if gaps := list(re.finditer(r"\s", tail)):
            end -= len(tail) - gaps[-1].start()
    return start, end


def _fold(word: str) -> str:
    """Lower case without accents, as the index has it."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", word.lower())
    return "".join(char for char in parts if not unicodedata.combining(char))


def _same_word(term: str, word: str) -> bool:
    if term == word or term[:3] != word[:3]:
        return term == word
    common = next(
        (at for at, pair in enumerate(zip(term, word, strict=False)) if pair[0] != pair[1]),
        min(len(term), len(word)),
    )
    if common < 3:  # a word shorter than that has no ending
        return False
    ends = _suffix_after(term, common), _suffix_after(word, common)
    if "" in ends and not _WEAK_SUFFIXES.isdisjoint(ends):
        return False
    return all(end == "" or end in _SUFFIXES for end in ends)


def _suffix_after(word: str, common: int) -> str:
    """What follows the common part; a doubled last letter (run, running) belongs to it."""
    rest = word[common:]
    return rest[1:] if len(rest) > 1 and rest[0] == word[common - 1] else rest
