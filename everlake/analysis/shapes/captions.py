"""Captions in WebVTT (W3C) or SubRip format in one string."""

import re

from everlake.analysis.timestamps import format_rfc3339, parse_offset_ms
from everlake.analysis.types import Attribution, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder
from everlake.markup import decode_entities

_TIMING = re.compile(
    r"\s*(\d{1,3}:\d{2}(?::\d{2})?[.,]\d{1,3})\s+-->\s+\d{1,3}:\d{2}(?::\d{2})?[.,]\d{1,3}.*"
)
_VOICE = re.compile(r"<v(?:\.[^\s>]{0,80}+)?\s++([^\s>][^>]{0,199}+)>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,200}>")
_SPEAKER_LABEL = re.compile(r"([^\W\d_][^:\n<>\[\]]{0,59}):\s+(?=\S)")
_MACHINE_ID = re.compile(r"[0-9a-fA-F/-]+")
_MAX_MERGED_LENGTH = 500
_NOTE = re.compile(r"(?:NOTE|WEBVTT)\b[-:\s]*")


def read(
    builder: UtteranceBuilder,
    name: str,  # noqa: ARG001 - the signature of all text shapes
    text: str,
    attribution: Attribution,
    scope: Scope,
) -> bool:
    """Add the captions in ``text``, if that is what it is; return whether it is.

    Consecutive cues of one speaker are merged.
    """
    head = text[:2_000].lstrip("\ufeff \t\r\n")
    if not (head.startswith("WEBVTT") or any(map(_TIMING.match, head.split("\n")[:4]))):
        return False
    cues = _CueReader(builder, scope, attribution)
    lines = text.lstrip("\ufeff").splitlines()
    for index, line in enumerate(lines):
        stripped = line.strip()
        timing = _TIMING.fullmatch(stripped)
        if timing:
            cues.start_cue(timing[1])
        elif not stripped:
            cues.end_cue()
        elif cues.outside and index + 1 < len(lines) and _TIMING.fullmatch(lines[index + 1]):
            cues.add_identifier(stripped)
        else:
            cues.add_line(stripped)
    cues.flush()
    return True


class _CueReader:
    """Collector of cues; ``outside`` says that the current line belongs to no cue."""

    def __init__(self, builder: UtteranceBuilder, scope: Scope, attribution: Attribution) -> None:
        self.outside = True
        self._builder = builder
        self._recording_start = scope.recording_start
        self._default_attribution = attribution
        self._speaker: str | None = None
        self._lines: list[str] = []
        self._length = 0
        self._cue_time: str | None = None
        self._text_time: str | None = None

    def start_cue(self, clock: str) -> None:
        offset = parse_offset_ms(clock)
        if self._recording_start is not None and offset is not None:
            self._cue_time = format_rfc3339(self._recording_start + offset)
        self.outside = False

    def end_cue(self) -> None:
        self.outside = True

    def add_identifier(self, text: str) -> None:
        if not _MACHINE_ID.fullmatch(text):
            self.flush()
            self._builder.add(text)

    def add_line(self, text: str) -> None:
        if self.outside:
            text = _NOTE.sub("", text, count=1)
            self.flush()
            self._builder.add(text)
            return
        voice = _VOICE.search(text)
        speaker = voice[1].strip() if voice else None
        text = _TAG.sub("", text).strip()
        # Before character references are decoded: an escaped colon does not end a name.
        if speaker is None and (label := _SPEAKER_LABEL.match(text)):
            speaker, text = decode_entities(label[1]), text[label.end() :]
        text = decode_entities(text).strip()
        is_new_speaker = speaker is not None and speaker != self._speaker
        if is_new_speaker or self._length > _MAX_MERGED_LENGTH:
            self.flush()
            self._speaker = speaker or self._speaker
        if text:
            if not self._lines:
                self._text_time = self._cue_time
            self._lines.append(text)
            self._length += len(text)

    def flush(self) -> None:
        """Add the merged cues as one utterance."""
        if self._lines:
            speaker, role = self._default_attribution[:2]
            if self._speaker:
                speaker, role = self._builder.resolve_speaker((self._speaker,), ())
            said_at = self._text_time or self._default_attribution.said_at
            self._builder.add(" ".join(self._lines), Attribution(speaker, role, said_at))
        self._lines, self._length = [], 0
