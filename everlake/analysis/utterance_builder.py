"""Utterance builder: collects the utterances of one record."""

import re
from collections.abc import Callable, Sequence

from everlake.analysis.participants import Participants
from everlake.analysis.prose import is_sentence, normalize_text, split_text
from everlake.analysis.repetitions import Provenance, without_repetitions
from everlake.analysis.types import UNATTRIBUTED, Attribution
from everlake.contract.envelope import Participant
from everlake.model.utterances import MAX_TEXT_LENGTH, MAX_UTTERANCES, Utterance

_REPLY_PREFIX = re.compile(r"(?:\s{0,2}+(?:re|fwd?|aw|wg|sv|tr)\s?:)++\s*+", re.IGNORECASE)
_MAX_LABEL_LENGTH = 40


class UtteranceBuilder:
    """Collector of the utterances of one record, in order of appearance.

    Args:
        record_type: the envelope's ``_type``, normalised.
        participants: the envelope's ``_participants``.

    Attributes:
        record_type: see above.
        participants: lookup of the record's participants.
        utterances: utterances collected so far.
        source: number of the list or text that is being read, by which renderings of the same
            turns are told apart from turns that say the same.
    """

    def __init__(self, record_type: str, participants: Sequence[Participant]) -> None:
        self.record_type = record_type
        self.participants = Participants(participants)
        self.utterances: list[Utterance] = []
        self.source = 0
        self._source_count = 0
        self._sources: list[int] = []
        self._source_names: dict[int, str] = {}
        self._word_sources: set[int] = set()
        self._tentative: set[int] = set()
        self._weak: set[int] = set()
        self._fallbacks: list[str] = []
        self._titles: set[str] = set()
        self._speakers: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str | None, str | None]]
        self._speakers = {}

    def add(self, text: str, attribution: Attribution = UNATTRIBUTED) -> None:
        """Add a text, normalised and split to the maximum length; an empty one is ignored."""
        text = normalize_text(text)
        if len(text) > MAX_TEXT_LENGTH:
            self.utterances.extend(Utterance(piece, *attribution) for piece in split_text(text))
        elif text:
            self.utterances.append(Utterance(text, *attribution))
        self._sources += [self.source] * (len(self.utterances) - len(self._sources))

    def new_source(self, name: str, *, of_words: bool = False) -> int:
        """Return the number of another list or text; ``of_words``: of single words."""
        self._source_count += 1
        self._source_names[self._source_count] = name
        if of_words:
            self._word_sources.add(self._source_count)
        return self._source_count

    def add_tentative(self, add: Callable[[], object]) -> None:
        """Call ``add``; the utterances it adds are dropped if others have the same text."""
        before = len(self.utterances)
        add()
        self._tentative.update(range(before, len(self.utterances)))

    def add_label(self, text: str) -> None:
        """Add a word of unknown meaning or a name, which is dropped if anybody says anything."""
        self._weak.add(len(self.utterances))
        self.add(text)

    def add_title(self, text: str, attribution: Attribution) -> None:
        """Add a subject or title, unless it was added before with or without a reply prefix."""
        key = _REPLY_PREFIX.sub("", normalize_text(text)).casefold()
        if key not in self._titles:
            self._titles.add(key)
            self.add(text, attribution)

    def add_fallback(self, text: str) -> None:
        """Add a text that is probably not prose.

        It becomes an utterance only if the record has no other one. A sentence is prose, and is
        added as a tentative utterance.
        """
        if is_sentence(text):
            self.add_tentative(lambda: self.add(text))
        else:
            self._fallbacks.append(text)

    def resolve_speaker(
        self, identities: tuple[str, ...], roles: tuple[str, ...]
    ) -> tuple[str | None, str | None]:
        """Return speaker and role, as :meth:`Participants.resolve`, from a cache."""
        key = (identities, roles)
        found = self._speakers.get(key)
        if found is None:
            found = self._speakers[key] = self.participants.resolve(identities, roles)
        return found

    def build(self) -> list[Utterance]:
        """Return the utterances, at most ``MAX_UTTERANCES``."""
        if not self.utterances:
            for text in self._fallbacks:
                self.add(text)
        else:
            self._drop_labels()
            provenance = Provenance(
                self._sources, self._tentative, self._source_names, self._word_sources
            )
            self.utterances = without_repetitions(self.utterances, provenance)
        if len(self.utterances) <= MAX_UTTERANCES:
            return self.utterances
        return _merge_to_limit(self.utterances)

    def _drop_labels(self) -> None:
        """Drop single words of unknown meaning, if anybody says anything."""
        if not self._weak or not any(
            utterance.speaker or utterance.role for utterance in self.utterances
        ):
            return
        kept = [index for index in range(len(self.utterances)) if index not in self._weak]
        self.utterances = [self.utterances[index] for index in kept]
        self._sources = [self._sources[index] for index in kept]
        self._tentative = {place for place, index in enumerate(kept) if index in self._tentative}


def _merge_to_limit(utterances: list[Utterance]) -> list[Utterance]:
    """Return at most ``MAX_UTTERANCES``: the first half unchanged, the others merged.

    A merged utterance has a line for each of its utterances, with the speaker where that changes,
    and the time of the first.
    """
    unchanged = MAX_UTTERANCES // 2
    lines: list[str] = []
    speaker = None
    for utterance in utterances[unchanged:]:
        if utterance.speaker and utterance.speaker != speaker:
            lines.append(f"{utterance.speaker[:_MAX_LABEL_LENGTH]}: {utterance.text}")
        else:
            lines.append(utterance.text)
        speaker = utterance.speaker
    # Any two consecutive merged utterances exceed this length together, so that there are at most
    # 2 * total / max_length.
    total = sum(len(line) + 1 for line in lines)
    max_length = max(MAX_TEXT_LENGTH, 2 * total // (MAX_UTTERANCES - unchanged) + 1)
    merged = utterances[:unchanged]
    start = length = 0
    for index, line in enumerate(lines):
        if length and length + len(line) > max_length:
            merged.append(_merged_utterance(utterances[unchanged + start], lines[start:index]))
            start, length = index, 0
        length += len(line) + 1
    merged.append(_merged_utterance(utterances[unchanged + start], lines[start:]))
    return merged


def _merged_utterance(first: Utterance, lines: list[str]) -> Utterance:
    return Utterance("\n".join(lines), said_at=first.said_at)
