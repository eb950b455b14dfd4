"""Repetitions: texts of a record that say again what its turns say."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from everlake.analysis.prose import CoverageIndex
from everlake.model.utterances import Utterance

_SENTENCE = re.compile(r"[^.!?\n\u3002\uff01\uff1f]+[.!?\n\u3002\uff01\uff1f]*\s*")
_WORD = re.compile(r"\w+")
_MIN_WORDS = 4
"""A shorter repetition may well be a second utterance."""
_MIN_SHARE = 0.5
"""Least part of a text or list that repeats another one, if it is another rendering of it."""
_MAX_COMPARED = 12
"""Most lists of turns that are compared with each other."""


class Provenance(NamedTuple):
    """Where the utterances of a record come from."""

    sources: Sequence[int]
    """The list or text that each utterance is from."""
    tentative: Collection[int]
    """Indices of utterances that count only if no others say the same."""
    names: Mapping[int, str]
    """Names of the sources. Two lists of one name are renderings of the same turns only if the
    times are the same, too."""
    word_sources: Collection[int]
    """Sources that consist of single words: they yield to all others."""


def without_repetitions(utterances: list[Utterance], provenance: Provenance) -> list[Utterance]:
    """Return the utterances without further renderings of the same turns.

    Speech recognisers give one recording as turns, sentences, words and a whole text. Of lists in
    which the same speakers say the same, the first one with times is kept, or the one that says
    more. Of a text without a speaker, sentences that the turns contain are removed, if these are
    at least half of it.
    """
    removed = _repeated_lists(utterances, provenance)
    turns = [
        utterance.text
        for index, utterance in enumerate(utterances)
        if utterance.speaker is not None and index not in removed
    ]
    certain = {
        utterance.text
        for index, utterance in enumerate(utterances)
        if index not in provenance.tentative and index not in removed
    }
    coverage = CoverageIndex([" ".join(turns)]) if len(turns) > 1 else None
    kept: list[Utterance] = []
    for index, utterance in enumerate(utterances):
        if index in removed:
            continue
        if index in provenance.tentative and utterance.speaker is None:
            text = "" if utterance.text in certain else utterance.text
            if coverage is not None and text:
                text = _new_sentences(text, coverage)
            if text != utterance.text:
                if text:
                    kept.append(Utterance(text, None, utterance.role, utterance.said_at))
                continue
        elif index in provenance.tentative and utterance.text in certain:
            continue
        kept.append(utterance)
    return kept


def _new_sentences(text: str, coverage: CoverageIndex) -> str:
    """Return what a text says more than the turns; all of it when it is no rendering of them."""
    if len(_WORD.findall(text)) < _MIN_WORDS - 1:
        return text
    if coverage.covers(text):
        return ""
    sentences: list[str] = _SENTENCE.findall(text)
    new = [sentence for sentence in sentences if not coverage.covers(sentence)]
    if sum(map(len, new)) > _MIN_SHARE * len(text):
        return text
    return "".join(new).strip()


def _repeated_lists(utterances: list[Utterance], provenance: Provenance) -> set[int]:
    """Return the indices of the utterances in lists that repeat other lists."""
    members: dict[int, list[int]] = defaultdict(list)
    for index, utterance in enumerate(utterances):
        if utterance.speaker is not None:
            members[provenance.sources[index]].append(index)
    if len(members) < 2:
        return set()
    removed = _repeated_words(utterances, members, provenance)
    lists = [
        _TurnList(provenance.names.get(source, ""), indices, [utterances[n] for n in indices])
        for source, indices in sorted(
            members.items(), key=lambda item: (utterances[item[1][0]].said_at is None, item[1][0])
        )
        if source not in provenance.word_sources
    ]
    largest = sorted(lists, key=lambda turns: -turns.word_count)[:_MAX_COMPARED]
    kept: list[_TurnList] = []
    for turns in lists:
        if turns.word_count < _MIN_WORDS or turns not in largest:
            continue
        if any(other.says(turns) for other in kept):
            removed.update(turns.indices)
            continue
        repeated = [other for other in kept if turns.says(other)]
        for other in repeated:
            removed.update(other.indices)
            kept.remove(other)
        kept.append(turns)
    return removed


def _repeated_words(
    utterances: list[Utterance], members: Mapping[int, list[int]], provenance: Provenance
) -> set[int]:
    """Return the indices of the turns in lists of words that other turns contain."""
    texts = [
        utterances[index].text
        for source, indices in members.items()
        if source not in provenance.word_sources
        for index in indices
    ]
    removed: set[int] = set()
    if texts:
        coverage = CoverageIndex(_with_whole(texts))
        for source in provenance.word_sources:
            indices = members.get(source, [])
            if all(coverage.covers(utterances[index].text) for index in indices):
                removed.update(indices)
    return removed


class _TurnList:
    """Turns from one list or text.

    Args:
        name: name of the list or text.
        indices: their indices among the record's utterances.
        turns: the turns.
    """

    def __init__(self, name: str, indices: list[int], turns: list[Utterance]) -> None:
        self.name = name
        self.indices = indices
        self.turns = turns
        self.word_count = sum(len(_WORD.findall(turn.text)) for turn in turns)
        self._coverage: dict[str, CoverageIndex] | None = None
        self._stated: set[Utterance] | None = None

    def says(self, other: "_TurnList") -> bool:
        """Return whether ``other`` is another rendering of these turns, or of a large part."""
        if self._has_all_of(other):
            return True
        first, first_other = self.turns[0].said_at, other.turns[0].said_at
        if (
            other.word_count < _MIN_SHARE * self.word_count
            or self.name == other.name
            or (first is not None and first_other is not None and first != first_other)
        ):
            return False
        if self._coverage is None:
            texts: dict[str, list[str]] = defaultdict(list)
            for turn in self.turns:
                texts[_who(turn)].append(turn.text)
            self._coverage = {
                speaker: CoverageIndex(_with_whole(said)) for speaker, said in texts.items()
            }
        coverage = self._coverage
        return all(
            (index := coverage.get(_who(turn))) is not None and index.covers(turn.text)
            for turn in other.turns
        )

    def _has_all_of(self, other: "_TurnList") -> bool:
        """Return whether each turn of ``other`` is here with the same text, speaker and time."""
        if self._stated is None:
            self._stated = {turn for turn in self.turns if turn.said_at is not None}
        return self._stated.issuperset(other.turns)


def _who(turn: Utterance) -> str:
    """Return the side that a turn is of, else its speaker, whom renderings may call differently."""
    if turn.role in ("internal", "external"):
        return turn.role
    return (turn.speaker or "").casefold()


def _with_whole(texts: Iterable[str]) -> list[str]:
    """Return the texts as one, since another rendering may divide them differently."""
    return [" ".join(texts)]
