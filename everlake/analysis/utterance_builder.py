"""What the readers of shapes share: where they are in a record, and what they have heard."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from everlake.analysis.json_decoding import Json
from everlake.analysis.participants import Participants
from everlake.analysis.prose import MAX_TEXT, CoverageIndex, is_sentence, normalize_text, split_text
from everlake.contract.envelope import Participant
from everlake.model.utterances import MAX_UTTERANCES, Utterance

_REPLY_PREFIX = re.compile(r"(?:\s*+(?:re|fwd?|aw|wg|sv|tr)\s?:)++\s*+", re.IGNORECASE)
_MAX_LABEL = 40


class Attribution(NamedTuple):
    """Who says something, and when."""

    speaker: str | None = None
    role: str | None = None
    said_at: str | None = None


UNATTRIBUTED = Attribution()


class Scope(NamedTuple):
    """What the objects around a value say about it."""

    start: int | None = None
    """Unix milliseconds at which the recording around it began."""
    cover: CoverageIndex | None = None
    """What the object around it has said already."""
    doubtful: bool = False
    """Whether it is inside of a description of people or of machine data."""
    top: bool = False
    """Whether it is the record's data itself."""


class PendingValue(NamedTuple):
    """A value still to be read; ``name`` is its member's, in a list the list's."""

    name: str
    value: Json
    scope: Scope


Remaining: TypeAlias = Sequence[PendingValue]
"""What a reader leaves to the others, in order of appearance."""


class UtteranceBuilder:
    """One record being read."""

    def __init__(self, record_type: str, participants: Sequence[Participant]) -> None:
        self.record_type = record_type
        self.participants = Participants(participants)
        self.utterances: list[Utterance] = []
        self._tentative: set[int] = set()
        self._fallbacks: list[str] = []
        self._titles: set[str] = set()
        self._speakers: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str | None, str | None]]
        self._speakers = {}

    def add(self, text: str, voice: Attribution = UNATTRIBUTED) -> None:
        """Add ``text``, cleaned and split; nothing when there is nothing in it."""
        text = normalize_text(text)
        if len(text) > MAX_TEXT:
            self.utterances.extend(Utterance(piece, *voice) for piece in split_text(text))
        elif text:
            self.utterances.append(Utterance(text, *voice))

    def add_tentative(self, say: Callable[[], object]) -> None:
        """Let ``say`` add utterances that go away if a speaker turns out to say the same."""
        before = len(self.utterances)
        say()
        self._tentative.update(range(before, len(self.utterances)))

    def add_title(self, text: str, voice: Attribution) -> None:
        """Add a subject or title, once for a whole thread of answers to it."""
        bare = normalize_text(text)
        bare = _REPLY_PREFIX.sub("", bare).casefold()
        if bare not in self._titles:
            self._titles.add(bare)
            self.add(text, voice)

    def add_fallback(self, text: str) -> None:
        """Note a string that is heard only if the record has nothing better.

        A sentence is never doubtful.
        """
        if is_sentence(text):
            self.add_tentative(lambda: self.add(text))
        else:
            self._fallbacks.append(text)

    def resolve_speaker(
        self, identities: tuple[str, ...], roles: tuple[str, ...]
    ) -> tuple[str | None, str | None]:
        """(speaker, role) of whom ``identities`` name; see :meth:`People.resolve`."""
        key = (identities, roles)
        found = self._speakers.get(key)
        if found is None:
            found = self._speakers[key] = self.participants.resolve(identities, roles)
        return found

    def build(self) -> list[Utterance]:
        """The utterances, at most ``MAX_UTTERANCES``."""
        if not self.utterances:
            for text in self._fallbacks:
                self.add(text)
        elif self._tentative:
            said = {x.text for i, x in enumerate(self.utterances) if i not in self._tentative}
            self.utterances = [
                x
                for i, x in enumerate(self.utterances)
                if i not in self._tentative or x.text not in said
            ]
        if len(self.utterances) <= MAX_UTTERANCES:
            return self.utterances
        return _merge_to_limit(self.utterances)


def _merge_to_limit(utterances: list[Utterance]) -> list[Utterance]:
    """The first half of ``MAX_UTTERANCES`` as they are, the rest several in one.

    A joined utterance holds a line for each, led by the speaker where it changes, and has the
    time of its first.
    """
    kept = MAX_UTTERANCES // 2
    lines: list[str] = []
    speaker = None
    for one in utterances[kept:]:
        changed = one.speaker is not None and one.speaker != speaker
        lines.append(
            f"{one.speaker[:_MAX_LABEL]}: {one.text}" if one.speaker and changed else one.text
        )
        speaker = one.speaker
    # two neighbours together pass the bound, so at most 2 * total / bound are made
    bound = max(MAX_TEXT, 2 * sum(len(line) + 1 for line in lines) // (MAX_UTTERANCES - kept) + 1)
    joined = utterances[:kept]
    start = size = 0
    for index, line in enumerate(lines):
        if size and size + len(line) > bound:
            joined.append(_merged_utterance(utterances[kept + start], lines[start:index]))
            start, size = index, 0
        size += len(line) + 1
    joined.append(_merged_utterance(utterances[kept + start], lines[start:]))
    return joined


def _merged_utterance(first: Utterance, lines: list[str]) -> Utterance:
    return Utterance("\n".join(lines), said_at=first.said_at)
