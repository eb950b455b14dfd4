"""Repetitions: texts of a record that say again what its turns say."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
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
    word_sources: Collection[int]
    """Sources that consist of single words: they yield to all others."""


def without_repetitions(utterances: list[Utterance], provenance: Provenance) -> list[Utterance]:
    """Return the utterances without further renderings of the same turns.

    Speech recognisers give one recording as turns, sentences, words and a whole text. Of lists in
    which the same speakers say the same, the first one is kept, or the one that says more. Of a
    text without a speaker, sentences that the turns contain are removed, if these are at least
    half of it.
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
    lists = [
        _TurnList(indices, [utterances[index] for index in indices])
        for _, indices in sorted(
            members.items(), key=lambda item: (item[0] in provenance.word_sources, item[1][0])
        )
    ]
    lists = [turns for turns in lists if turns.word_count >= _MIN_WORDS]
    largest = sorted(lists, key=lambda turns: -turns.word_count)[:_MAX_COMPARED]
    kept: list[_TurnList] = []
    removed: set[int] = set()
    for turns in lists:
        if turns not in largest:
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


class _TurnList:
    """Turns from one list or text.

    Args:
        indices: their indices among the record's utterances.
        turns: the turns.
    """

    def __init__(self, indices: list[int], turns: list[Utterance]) -> None:
        self.indices = indices
        self.turns = turns
        self.word_count = sum(len(_WORD.findall(turn.text)) for turn in turns)
        self._coverage: dict[str | None, CoverageIndex] | None = None

    def says(self, other: "_TurnList") -> bool:
        """Return whether ``other`` is another rendering of these turns, or of a large part."""
        if other.word_count < _MIN_SHARE * self.word_count:
            return False
        if self._coverage is None:
            texts: dict[str | None, list[str]] = defaultdict(list)
            for turn in self.turns:
                texts[turn.speaker].append(turn.text)
            self._coverage = {
                speaker: CoverageIndex(_with_whole(said)) for speaker, said in texts.items()
            }
        coverage = self._coverage
        return all(
            (index := coverage.get(turn.speaker)) is not None and index.covers(turn.text)
            for turn in other.turns
        )


def _with_whole(texts: Iterable[str]) -> list[str]:
    """Return the texts as one, since another rendering may divide them differently."""
    return [" ".join(texts)]
