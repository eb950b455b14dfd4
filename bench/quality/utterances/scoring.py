"""Scores of utterances against labels.

Four scores, each a share of units. The units of several inputs are added up.

``speaker``
    A unit is an expected utterance. It is right when at least half of its words are found in
    utterances whose speaker is right and, where the label has one, whose role is.
``time``
    A unit is an expected utterance whose label has a time. It is right when at least half of its
    words are found in utterances of that time. Fractions of a second do not count.
``own_words``
    A unit is a word of an expected utterance. It is kept when it is found in utterances whose
    speaker is right, and begins a line there where it does in the label, and only there. Blank
    lines and the kind of white space do not count. Where ``line_breaks`` is ``free``, lines do
    not count either. The first word may begin a line or not.
``kept_out``
    A unit is an item of ``absent`` (holds when no utterance has it in it), an item of ``nobody``
    (holds when no utterance with a speaker has it in it), or ``only`` (holds when the utterances
    have no word, nor a word more often, than the expected ones, ``optional`` aside). White space
    does not count in the comparison.

Words are *found* in a series of utterances where they stand one after another, at least three of
them, or all where the label has fewer; more than one such run may be found, in the label's order.
Of several right wordings, the one that is found best counts. A character of Chinese or Japanese
is a word. Compared are characters after Unicode NFC and without invisible marks.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher

import msgspec
from msgspec import UNSET

from bench.quality.utterances.labels import ANY, Choice, ExpectedUtterance, LabelledInput
from everlake.model.utterances import Utterance

MIN_RUN = 3
"""Fewest words in a row that count as found."""

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
_FRACTION = re.compile(r"\.\d+(?=Z$)")
_BREAK = "\n"


class Share(msgspec.Struct, frozen=True):
    """How many units of how many are right."""

    right: int = 0
    total: int = 0

    def __add__(self, other: "Share") -> "Share":
        return Share(self.right + other.right, self.total + other.total)

    @property
    def complete(self) -> bool:
        """Whether all units are right."""
        return self.right == self.total

    @property
    def value(self) -> float | None:
        """The share, None where there is no unit."""
        return self.right / self.total if self.total else None


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """The four scores of one input, or of several together. ``complete`` counts inputs."""

    speaker: Share = Share()
    time: Share = Share()
    own_words: Share = Share()
    kept_out: Share = Share()
    complete: Share = Share()

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(
            speaker=self.speaker + other.speaker,
            time=self.time + other.time,
            own_words=self.own_words + other.own_words,
            kept_out=self.kept_out + other.kept_out,
            complete=self.complete + other.complete,
        )


def score(given: LabelledInput, found: Sequence[Utterance]) -> Scores:
    """Return the scores of what was made of an input."""
    total = Scores()
    for expected in given.utterances:
        total += _score_utterance(expected, found, lines=given.line_breaks == "exact")
    total += Scores(kept_out=_score_kept_out(given, found))
    parts = (total.speaker, total.time, total.own_words, total.kept_out)
    return total + Scores(complete=Share(int(all(part.complete for part in parts)), 1))


def add_up(scores: Iterable[Scores]) -> Scores:
    """Return the scores of several inputs together."""
    return sum(scores, Scores())


def _score_utterance(
    expected: ExpectedUtterance, found: Sequence[Utterance], *, lines: bool
) -> Scores:
    def spoken(utterance: Utterance) -> bool:
        return _is_right(expected.speaker, utterance.speaker)

    def spoken_in_role(utterance: Utterance) -> bool:
        if not spoken(utterance):
            return False
        return expected.role is UNSET or _is_right(expected.role, utterance.role)

    time = Share()
    if expected.said_at is not UNSET:
        moment = expected.said_at
        time = _mostly_found(expected, found, lambda one: _is_right(moment, one.said_at))
    return Scores(
        speaker=_mostly_found(expected, found, spoken_in_role),
        time=time,
        own_words=_best_share(expected, filter(spoken, found), lines=lines),
    )


def _mostly_found(
    expected: ExpectedUtterance, found: Sequence[Utterance], accepts: Callable[[Utterance], bool]
) -> Share:
    share = _best_share(expected, filter(accepts, found), lines=False)
    return Share(int(2 * share.right >= share.total), 1)


def _best_share(expected: ExpectedUtterance, found: Iterable[Utterance], *, lines: bool) -> Share:
    stream = [token for one in found for token in _tokens(one.text, first=_BREAK, lines=lines)]
    shares = [
        Share(_count_found(tokens, stream), len(tokens))
        for text in expected.texts
        for first in ("", _BREAK)
        if (tokens := _tokens(text, first=first, lines=lines))
    ]
    return max(shares, key=lambda share: share.right / share.total)


def _tokens(text: str, *, first: str, lines: bool) -> list[str]:
    """Return the words of a text; those that begin a line begin with a line feed, if ``lines``."""
    tokens: list[str] = []
    mark = first
    for line in normalise(text).splitlines():
        for word in _WORD.findall(line):
            tokens.append(mark + word if lines else word)
            mark = ""
        mark = mark if not tokens else _BREAK
    return tokens


def _count_found(tokens: list[str], stream: list[str]) -> int:
    shortest = min(MIN_RUN, len(tokens))
    blocks = SequenceMatcher(None, tokens, stream, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size >= shortest)


def _is_right(expected: Choice, there: str | None) -> bool:
    choices = expected if isinstance(expected, list) else [expected]
    return expected == ANY or _plain(there) in map(_plain, choices)


def _plain(value: str | None) -> str | None:
    if value is None:
        return None
    return _FRACTION.sub("", " ".join(normalise(value).split()))


def normalise(text: str) -> str:
    """Return a text without invisible marks, and composed."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text))


def _squeezed(text: str) -> str:
    return "".join(normalise(text).split())


def _score_kept_out(given: LabelledInput, found: Sequence[Utterance]) -> Share:
    said = [_squeezed(one.text) for one in found]
    attributed = [_squeezed(one.text) for one in found if one.speaker is not None]
    held = [all(_squeezed(item) not in text for text in said) for item in given.absent]
    held += [all(_squeezed(item) not in text for text in attributed) for item in given.nobody]
    if given.only:
        held.append(_has_nothing_else(given, found))
    return Share(sum(held), len(held))


def _has_nothing_else(given: LabelledInput, found: Sequence[Utterance]) -> bool:
    there = Counter(word for one in found for word in _words(one.text))
    right: Counter[str] = Counter()
    for expected in given.utterances:
        wordings = [Counter(_words(text)) for text in expected.texts]
        widest = wordings[0]
        for wording in wordings[1:]:
            widest |= wording
        right += widest
    for text in (*given.optional, *given.nobody):
        right += Counter(_words(text))
    return there <= right


def _words(text: str) -> list[str]:
    return _tokens(text, first="", lines=False)
