"""What the readers of shapes share: where they are in a record, and what they have heard."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from everlake.analysis.decode import Json
from everlake.analysis.people import People
from everlake.analysis.prose import MAX_TEXT, Cover, clean, is_sentence, split
from everlake.contract.envelope import Participant
from everlake.lake.rows import MAX_UTTERANCES

_ANSWER = re.compile(r"(?:\s*+(?:re|fwd?|aw|wg|sv|tr)\s?:)++\s*+", re.IGNORECASE)
_LABEL = 40


class Utterance(msgspec.Struct, frozen=True, gc=False):
    """Something a record says.

    Attributes:
        text: clean text of at most 2,000 characters, never empty.
        speaker: who said it, None when the record does not tell.
        role: ``internal``, ``external`` or ``unknown``; None without a speaker, save where the
            record tells the direction of a message only.
        said_at: when, RFC 3339 in UTC (``2024-04-05T19:34:38Z``, milliseconds where there are
            any), None when the record does not tell.
    """

    text: str
    speaker: str | None = None
    role: str | None = None
    said_at: str | None = None


class Voice(NamedTuple):
    """Who says something, and when."""

    speaker: str | None = None
    role: str | None = None
    said_at: str | None = None


NOBODY = Voice()


class Scope(NamedTuple):
    """What the objects around a value say about it."""

    start: int | None = None
    """Unix milliseconds at which the recording around it began."""
    cover: Cover | None = None
    """What the object around it has said already."""
    doubtful: bool = False
    """Whether it is inside of a description of people or of machine data."""
    top: bool = False
    """Whether it is the record's data itself."""


class Frame(NamedTuple):
    """A value still to be read; ``name`` is its member's, in a list the list's."""

    name: str
    value: Json
    scope: Scope


Rest: TypeAlias = Sequence[Frame]
"""What a reader leaves to the others, in order of appearance."""


class Reading:
    """One record being read."""

    def __init__(self, record_type: str, participants: Sequence[Participant]) -> None:
        self.record_type = record_type
        self.people = People(participants)
        self.utterances: list[Utterance] = []
        self._loose: set[int] = set()
        self._doubtful: list[str] = []
        self._headlines: set[str] = set()
        self._voices: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str | None, str | None]]
        self._voices = {}

    def say(self, text: str, voice: Voice = NOBODY) -> None:
        """Add ``text``, cleaned and split; nothing when there is nothing in it."""
        text = clean(text)
        if len(text) > MAX_TEXT:
            self.utterances.extend(Utterance(piece, *voice) for piece in split(text))
        elif text:
            self.utterances.append(Utterance(text, *voice))

    def say_loose(self, say: Callable[[], object]) -> None:
        """Let ``say`` add utterances that go away if a speaker turns out to say the same."""
        before = len(self.utterances)
        say()
        self._loose.update(range(before, len(self.utterances)))

    def headline(self, text: str, voice: Voice) -> None:
        """Add a subject or title, once for a whole thread of answers to it."""
        bare = clean(text)
        bare = _ANSWER.sub("", bare).casefold()
        if bare not in self._headlines:
            self._headlines.add(bare)
            self.say(text, voice)

    def doubt(self, text: str) -> None:
        """Note a string that is heard only if the record has nothing better.

        A sentence is never doubtful.
        """
        if is_sentence(text):
            self.say_loose(lambda: self.say(text))
        else:
            self._doubtful.append(text)

    def voice_of(
        self, identities: tuple[str, ...], roles: tuple[str, ...]
    ) -> tuple[str | None, str | None]:
        """(speaker, role) of whom ``identities`` name; see :meth:`People.resolve`."""
        key = (identities, roles)
        found = self._voices.get(key)
        if found is None:
            found = self._voices[key] = self.people.resolve(identities, roles)
        return found

    def result(self) -> list[Utterance]:
        """The utterances, at most ``MAX_UTTERANCES``."""
        if not self.utterances:
            for text in self._doubtful:
                self.say(text)
        elif self._loose:
            said = {x.text for i, x in enumerate(self.utterances) if i not in self._loose}
            self.utterances = [
                x
                for i, x in enumerate(self.utterances)
                if i not in self._loose or x.text not in said
            ]
        if len(self.utterances) <= MAX_UTTERANCES:
            return self.utterances
        return _joined(self.utterances)


def _joined(utterances: list[Utterance]) -> list[Utterance]:
    """The first half of ``MAX_UTTERANCES`` as they are, the rest several in one.

    A joined utterance holds a line for each, led by the speaker where it changes, and has the
    time of its first.
    """
    kept = MAX_UTTERANCES // 2
    lines: list[str] = []
    speaker = None
    for one in utterances[kept:]:
        changed = one.speaker is not None and one.speaker != speaker
        lines.append(f"{one.speaker[:_LABEL]}: {one.text}" if one.speaker and changed else one.text)
        speaker = one.speaker
    # two neighbours together pass the bound, so at most 2 * total / bound are made
    bound = max(MAX_TEXT, 2 * sum(len(line) + 1 for line in lines) // (MAX_UTTERANCES - kept) + 1)
    joined = utterances[:kept]
    start = size = 0
    for index, line in enumerate(lines):
        if size and size + len(line) > bound:
            joined.append(_together(utterances[kept + start], lines[start:index]))
            start, size = index, 0
        size += len(line) + 1
    joined.append(_together(utterances[kept + start], lines[start:]))
    return joined


def _together(first: Utterance, lines: list[str]) -> Utterance:
    return Utterance("\n".join(lines), said_at=first.said_at)
