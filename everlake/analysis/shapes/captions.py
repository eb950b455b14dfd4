"""WebVTT (W3C) and SubRip captions inside one string."""

import re

from everlake.analysis.reading import Reading, Scope, Voice
from everlake.analysis.times import offset_ms, rfc3339
from everlake.markup import decode_entities

_TIMING = re.compile(
    r"\s*(\d{1,3}:\d{2}(?::\d{2})?[.,]\d{1,3})\s+-->\s+\d{1,3}:\d{2}(?::\d{2})?[.,]\d{1,3}.*"
)
_VOICE = re.compile(r"<v(?:\.[^\s>]{0,80})?\s+([^>]{1,200})>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,200}>")
_LABEL = re.compile(r"([^\W\d_][^:\n<>\[\]]{0,59}):\s+(?=\S)")
_MACHINE_ID = re.compile(r"[0-9a-fA-F/-]+")
_FULL = 500
_NOTE = re.compile(r"(?:NOTE|WEBVTT)\b[-:\s]*")


def read(reading: Reading, name: str, text: str, voice: Voice, scope: Scope) -> bool:  # noqa: ARG001
    """Read ``text`` if it is captions; cues of one speaker that follow each other are joined."""
    head = text[:2_000].lstrip("\ufeff \t\r\n")
    if not (head.startswith("WEBVTT") or any(map(_TIMING.match, head.split("\n")[:4]))):
        return False
    cues = _Cues(reading, scope, voice)
    lines = text.lstrip("\ufeff").splitlines()
    for index, line in enumerate(lines):
        bare = line.strip()
        timing = _TIMING.fullmatch(bare)
        if timing:
            cues.at(timing[1])
        elif not bare:
            cues.between = True
        elif cues.between and index + 1 < len(lines) and _TIMING.fullmatch(lines[index + 1]):
            cues.identifier(bare)
        else:
            cues.line(bare)
    cues.flush()
    return True


class _Cues:
    """The cues read so far; ``between``: no cue is open."""

    def __init__(self, reading: Reading, scope: Scope, voice: Voice) -> None:
        self.between = True
        self._reading = reading
        self._start = scope.start
        self._voice = voice
        self._speaker: str | None = None
        self._words: list[str] = []
        self._size = 0
        self._at: str | None = None
        self._moment: str | None = None

    def at(self, clock: str) -> None:
        offset = offset_ms(clock)
        if self._start is not None and offset is not None:
            self._at = rfc3339(self._start + offset)
        self.between = False

    def identifier(self, text: str) -> None:
        if not _MACHINE_ID.fullmatch(text):
            self.flush()
            self._reading.say(text)

    def line(self, text: str) -> None:
        if self.between:
            text = _NOTE.sub("", text, count=1)
            self.flush()
            self._reading.say(text)
            return
        spoken = _VOICE.search(text)
        speaker = spoken[1].strip() if spoken else None
        text = _TAG.sub("", text).strip()
        # Before entities: an escaped colon ends no name.
        if speaker is None and (label := _LABEL.match(text)):
            speaker, text = decode_entities(label[1]), text[label.end() :]
        text = decode_entities(text).strip()
        if (speaker is not None and speaker != self._speaker) or self._size > _FULL:
            self.flush()
            self._speaker = speaker or self._speaker
        if text:
            if not self._words:
                self._moment = self._at
            self._words.append(text)
            self._size += len(text)

    def flush(self) -> None:
        if self._words:
            speaker, role = self._voice[:2]
            if self._speaker:
                speaker, role = self._reading.voice_of((self._speaker,), ())
            at = self._moment or self._voice.said_at
            self._reading.say(" ".join(self._words), Voice(speaker, role, at))
        self._words, self._size = [], 0
