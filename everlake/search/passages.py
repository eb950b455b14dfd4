"""Passages: the part of a text that matches a query best, with the matching words marked.

A word matches if its stem is that of a word of the query, as in the full-text index. Passages
decide what is shown and marked, not what is found.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from everlake.model.utterances import TextQuery
from everlake.search.query import WORD_PATTERN, split_words
from everlake.search.stemming import fold, stem

MAX_PASSAGE_LENGTH = 300
"""Characters of a passage at most."""

_MAX_SCANNED_LENGTH = 100_000
_LEAD_LENGTH = 60
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff]")


class Passage(msgspec.Struct, frozen=True):
    """Part of a text. ``highlights`` are [start, end) offsets in ``text``, in code points."""

    text: str
    highlights: list[tuple[int, int]]


class _Match(NamedTuple):
    """Where a term occurs: [start, end) in the text, and the number of the term."""

    start: int
    end: int
    term: int


def best_passage(text: str, query: TextQuery) -> Passage:
    """Return the part of ``text`` with the most different words of the query.

    It has at most 300 characters. Only the first 100,000 characters of ``text`` are read.
    """
    words = [word for part in (query.words, *query.phrases) for word in split_words(part)]
    matches = _without_overlaps(_find_matches(text[:_MAX_SCANNED_LENGTH], words))
    start, end = _window(text, matches)
    inside = [
        (match.start - start, match.end - start)
        for match in matches
        if start <= match.start and match.end <= end
    ]
    return Passage(text[start:end], inside)


def _find_matches(text: str, words: Sequence[str]) -> Iterator[_Match]:
    """Yield where a form of one of ``words`` occurs."""
    terms = {term: number for number, term in enumerate(dict.fromkeys(map(stem, words)))}
    pairs = _pairs_of_unspaced(terms)
    # Stemming never changes the first letter, so most words of the text need no stem.
    initials = {fold(word[0]) for word in words}
    known: dict[str, int | None] = {}
    for found in WORD_PATTERN.finditer(text):
        word = found.group()
        if word not in known:
            known[word] = terms.get(stem(word)) if fold(word[0]) in initials else None
        match known[word]:
            case None if pairs:
                yield from _find_matches_in_unspaced(found, pairs)
            case None:
                pass
            case number:
                yield _Match(found.start(), found.end(), number)


def _pairs_of_unspaced(terms: Mapping[str, int]) -> dict[str, int]:
    """Return the pairs of adjacent characters of the terms without spaces, with a term's number.

    A term of one character is a pair of its own. A pair of several terms belongs to the first.
    """
    pairs: dict[str, int] = {}
    for term, number in terms.items():
        if _UNSPACED.search(term):
            size = min(len(term), 2)
            for at in range(len(term) - size + 1):
                pairs.setdefault(term[at : at + size], number)
    return pairs


def _find_matches_in_unspaced(found: re.Match[str], pairs: Mapping[str, int]) -> Iterator[_Match]:
    """Yield the parts of an unspaced text that share two adjacent characters with a term.

    Scripts without spaces, such as Chinese and Thai, have several words in what is one here.
    One pass, whatever the number of terms.
    """
    word, at = found.group(), 0
    while at < len(word):
        start, number = at, pairs.get(word[at : at + 2])
        if number is None:
            number = pairs.get(word[at])
            at += 1
            if number is None:
                continue
        else:
            while pairs.get(word[at : at + 2]) == number:
                at += 1
            at += 1
        yield _Match(found.start() + start, found.start() + min(at, len(word)), number)


def _without_overlaps(matches: Iterable[_Match]) -> list[_Match]:
    """Return the matches in order; of overlapping ones the first and longest."""
    kept: list[_Match] = []
    for match in sorted(matches, key=lambda one: (one.start, -one.end)):
        if not kept or match.start >= kept[-1].end:
            kept.append(match)
    return kept


def _window(text: str, matches: Sequence[_Match]) -> tuple[int, int]:
    """Return start and end of the passage."""
    if len(text) <= MAX_PASSAGE_LENGTH:
        return 0, len(text)
    best, best_score = 0, (0, 0)
    inside: Counter[int] = Counter()
    end_at = 0
    for first, match in enumerate(matches):
        last_end = match.start + MAX_PASSAGE_LENGTH - _LEAD_LENGTH
        while end_at < len(matches) and matches[end_at].end <= last_end:
            inside[matches[end_at].term] += 1
            end_at += 1
        if (score := (len(inside), max(end_at - first, 0))) > best_score:
            best, best_score = match.start, score
        if end_at > first:
            inside[match.term] -= 1
            if not inside[match.term]:
                del inside[match.term]
        else:
            end_at = first + 1
    start = max(min(best - _LEAD_LENGTH, len(text) - MAX_PASSAGE_LENGTH), 0)
    end = min(start + MAX_PASSAGE_LENGTH, len(text))
    return _trim_to_whitespace(text, start, end)


def _trim_to_whitespace(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the ends moved inwards to the next white space, if there is any nearby."""
    if start > 0 and (gap := re.search(r"\s\S", text[start : start + _LEAD_LENGTH // 2])):
        start += gap.start() + 1
    if end < len(text):
        tail = text[end - _LEAD_LENGTH // 2 : end]
        if gaps := list(re.finditer(r"\s", tail)):
            end -= len(tail) - gaps[-1].start()
    return start, end
