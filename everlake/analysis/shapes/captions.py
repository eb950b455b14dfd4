"""Captions in one string: WebVTT (W3C), SubRip, SubViewer (YouTube's SBV), and others."""

import itertools
import re

from everlake.analysis.joining import join_words
from everlake.analysis.shapes.caption_notations import parse_notation
from everlake.analysis.shapes.cue_speakers import CueTurn, cue_turns, has_voice, payload_labels
from everlake.analysis.shapes.cues import Cue, is_captions, parse_cues
from everlake.analysis.speaker_names import choose_caption_speakers, looks_like_name
from everlake.analysis.timestamps import format_rfc3339, normalize_timestamp, parse_offset_ms
from everlake.analysis.types import UNATTRIBUTED, Attribution, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_MAX_MERGED_LENGTH = 500
_INLINE_TIME = re.compile(r"<\d{1,3}:\d{2}(?::\d{2})?\.\d{1,3}>")


def read(
    builder: UtteranceBuilder,
    name: str,
    text: str,
    attribution: Attribution,
    scope: Scope,
) -> bool:
    """Add the captions in ``text``, if that is what it is; return whether it is.

    Consecutive cues of one speaker are merged. Headers, identifiers, notes, styles and cues of
    machine data are not said.
    """
    is_file = is_captions(text)
    cues = parse_cues(text) if is_file else parse_notation(text)
    if not (is_file or cues) or (attribution.speaker and _begins_outside(cues)):
        return False
    if _is_rolling(cues):
        _remove_repeated_lines(cues)
    _name_speakers_of_first_lines(cues)
    labels = [label for cue in cues for label in payload_labels(cue.lines)]
    speakers = choose_caption_speakers(labels, len(cues), builder.participants)
    builder.source = builder.new_source(f"{name} text")
    voices = any(has_voice(line) for cue in cues for line in cue.lines)
    merger = _Merger(builder, scope, attribution)
    for cue in cues:
        if cue.clock is None:
            merger.add_unspoken("\n".join(cue.lines))
            continue
        merger.start_cue(cue, continues=not voices)
        for turn in cue_turns(cue, speakers):
            merger.add(turn)
    merger.flush()
    return True


def _begins_outside(cues: list[Cue]) -> bool:
    """Return whether text stands before the first cue: a message that shows captions."""
    return bool(cues) and cues[0].clock is None


def _is_rolling(cues: list[Cue]) -> bool:
    """Return whether cues roll up: each shows the last line of the one before it again."""
    pairs = repeated = 0
    for before, cue in itertools.pairwise(cues):
        if before.lines and cue.lines:
            pairs += 1
            is_long = len(before.lines) + len(cue.lines) > 2
            repeated += is_long and _plain(before.lines[-1]) == _plain(cue.lines[0])
    return pairs > 0 and repeated * 3 >= pairs


def _name_speakers_of_first_lines(cues: list[Cue]) -> None:
    """Take a name on the first line of every cue for its speaker, as Teams' documents have it."""
    names = [cue.lines[0] for cue in cues if len(cue.lines) > 1 and looks_like_name(cue.lines[0])]
    is_speaker = len(set(names)) < len(names) or all(len(name.split()) > 1 for name in names)
    if len(names) > 1 and len(names) == len(cues) and is_speaker:
        cues[:] = [
            Cue(cue.clock, cue.lines[1:], name) for cue, name in zip(cues, names, strict=True)
        ]


def _remove_repeated_lines(cues: list[Cue]) -> None:
    shown: list[str] = []
    for cue in cues:
        lines = [_plain(line) for line in cue.lines]
        most = min(len(lines), len(shown))
        count = next((n for n in range(most, 0, -1) if shown[-n:] == lines[:n]), 0)
        if lines:
            shown = lines[-4:]
        del cue.lines[:count]


def _plain(line: str) -> str:
    return " ".join(_INLINE_TIME.sub("", line).replace("<c>", "").replace("</c>", "").split())


class _Merger:
    """Merges consecutive turns of one speaker."""

    def __init__(self, builder: UtteranceBuilder, scope: Scope, attribution: Attribution) -> None:
        self._builder = builder
        self._recording_start = scope.recording_start
        self._default_attribution = attribution
        self._speaker: str | None = None
        self._lines: list[str] = []
        self._length = 0
        self._cue_time: str | None = None
        self._text_time: str | None = None

    def start_cue(self, cue: Cue, *, continues: bool) -> None:
        """Start a cue; ``continues`` says that one without a speaker has that of the last."""
        if not continues and self._speaker is not None and not any(map(has_voice, cue.lines)):
            self.flush()
            self._speaker = None
        offset = parse_offset_ms(cue.clock)
        self._cue_time = None
        if self._recording_start is not None and offset is not None:
            self._cue_time = format_rfc3339(self._recording_start + offset)

    def add(self, turn: CueTurn) -> None:
        """Add a turn; one that does not change the speaker continues the one before it."""
        is_change = turn.is_new and (turn.speaker is None or turn.speaker != self._speaker)
        if is_change or self._length > _MAX_MERGED_LENGTH:
            self.flush()
        if turn.is_new:
            self._speaker = turn.speaker
        if turn.text:
            if not self._lines:
                self._text_time = normalize_timestamp(turn.said_at) or self._cue_time
            self._lines.append(turn.text)
            self._length += len(turn.text)

    def add_unspoken(self, text: str) -> None:
        """Add text that is not part of a cue."""
        self.flush()
        self._builder.add(text, UNATTRIBUTED)

    def flush(self) -> None:
        """Add the merged turns as one utterance."""
        if self._lines:
            speaker, role = self._default_attribution[:2]
            if self._speaker:
                speaker, role = self._builder.resolve_speaker((self._speaker,), ())
            said_at = self._text_time or self._default_attribution.said_at
            self._builder.add(join_words(self._lines), Attribution(speaker, role, said_at))
        self._lines, self._length = [], 0
