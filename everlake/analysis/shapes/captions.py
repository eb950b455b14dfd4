"""WebVTT (W3C) and SubRip captions inside one string."""

import re

from everlake.analysis.timestamps import format_rfc3339, parse_offset_ms
from everlake.analysis.utterance_builder import Attribution, Scope, UtteranceBuilder
from everlake.markup import decode_entities

_TIMING = re.compile(
    r"\s*(\d{1,3}:\d{2}(?::\d{2})?[.,]\d{1,3})\s+-->\s+\d{1,3}:\d{2}(?::\d{2})?[.,]\d{1,3}.*"
)
_VOICE = re.compile(r"<v(?:\.[^\s>]{0,80})?\s+([^>]{1,200})>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,200}>")
_LABEL = re.compile(r"([^\W\d_][^:\n<>\[\]]{0,59}):\s+(?=\S)")
_MACHINE_ID = re.compile(r"[0-9a-fA-F/-]+")
_MAX_MERGED_CUE = 500
_NOTE = re.compile(r"(?:NOTE|WEBVTT)\b[-:\s]*")


def read(reading: UtteranceBuilder, name: str, text: str, voice: Attribution, scope: Scope) -> bool:  # noqa: ARG001
    """Read ``text`` if it is captions; cues of one speaker that follow each other are joined."""
    head = text[:2_000].lstrip("\ufeff \t\r\n")
    if not (head.startswith("WEBVTT") or any(map(_TIMING.match, head.split("\n")[:4]))):
        return False
    cues = _CueReader(reading, scope, voice)
    lines = text.lstrip("\ufeff").splitlines()
    for index, line in enumerate(lines):
        bare = line.strip()
        timing = _TIMING.fullmatch(bare)
        if timing:
            cues.set_time(timing[1])
        elif not bare:
            cues.between = True
        elif cues.between and index + 1 < len(lines) and _TIMING.fullmatch(lines[index + 1]):
            cues.add_identifier(bare)
        else:
            cues.add_line(bare)
    cues.flush()
    return True


class _CueReader:
    """The cues read so far; ``between``: no cue is open."""

    def __init__(self, reading: UtteranceBuilder, scope: Scope, voice: Attribution) -> None:
        self.between = True
        self._reading = reading
        self._start = scope.start
        self._default_attribution = voice
        self._speaker: str | None = None
        self._words: list[str] = []
        self._size = 0
        self._cue_time: str | None = None
        self._text_time: str | None = None

    def set_time(self, clock: str) -> None:
        offset = parse_offset_ms(clock)
        if self._start is not None and offset is not None:
            self._cue_time = format_rfc3339(self._start + offset)
        self.between = False

    def add_identifier(self, text: str) -> None:
        if not _MACHINE_ID.fullmatch(text):
            self.flush()
            self._reading.add(text)

    def add_line(self, text: str) -> None:
        if self.between:
            text = _NOTE.sub("", text, count=1)
            self.flush()
            self._reading.add(text)
            return
        spoken = _VOICE.search(text)
        speaker = spoken[1].strip() if spoken else None
        text = _TAG.sub("", text).strip()
        # Before entities: an escaped colon ends no name.
        if speaker is None and (label := _LABEL.match(text)):
            speaker, text = decode_entities(label[1]), text[label.end() :]
        text = decode_entities(text).strip()
        if (speaker is not None and speaker != self._speaker) or self._size > _MAX_MERGED_CUE:
            self.flush()
            self._speaker = speaker or self._speaker
        if text:
            if not self._words:
                self._text_time = self._cue_time
            self._words.append(text)
            self._size += len(text)

    def flush(self) -> None:
        if self._words:
            speaker, role = self._default_attribution[:2]
            if self._speaker:
                speaker, role = self._reading.resolve_speaker((self._speaker,), ())
            at = self._text_time or self._default_attribution.said_at
            self._reading.add(" ".join(self._words), Attribution(speaker, role, at))
        self._words, self._size = [], 0
