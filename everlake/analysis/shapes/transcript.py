"""A dialogue written out in one string: ``Speaker: words`` lines, with or without times."""

import re
from collections import Counter
from typing import TypeAlias

from everlake.analysis.member_names import normalize_name, word_list
from everlake.analysis.participants import role_of
from everlake.analysis.prose import normalize_text
from everlake.analysis.timestamps import format_rfc3339, parse_offset_ms, parse_timestamp_ms
from everlake.analysis.utterance_builder import UNATTRIBUTED, Attribution, Scope, UtteranceBuilder

_TIMESTAMP = r"(?:[\[(]([^\])\n]{1,40})[\])]|(\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?)(?=\s))"
_NAME = r"([^\W\d_][^:\n\[\](){}<>\"|=]{0,59}?(?:\s?\([^()\n:]{1,40}\))?)"
_LINE = re.compile(
    rf"[ \t]*(?:{_TIMESTAMP}\s{{0,3}}[-\u2013\u2014]?\s{{0,3}})?\*{{0,2}}\[?{_NAME}\]?"
    rf"(?:\s{{0,3}}{_TIMESTAMP})?\s?(?::\*{{0,2}}|\*\*:)(?:[ \t]+|$)"
)
_CHAT_EXPORT = re.compile(
    r"[ \t]*\[?(\d{1,4}[./-]\d{1,2}[./-]\d{1,4},?\s\d{1,2}:\d{2}(?::\d{2})?"
    r"(?:\s?[APap]\.?[Mm]\.?)?)\]?\s(?:-\s)?([^:\n]{1,60}):[ \t]"
)
_NAME_LINE = re.compile(
    r"[ \t]*([^\W\d_][^:\n\[\](){}<>\"|=]{0,59}?)[ \t]+\(?(\d{1,2}:\d{2}(?::\d{2})?)\)?[ \t]*"
)
_NOT_SPEAKERS = frozenset(
    word_list(
        "action actions actionitem actionitems decision decisions note notes todo summary subject "
        "date from to cc bcc sent re fwd agenda topic topics attendees participants email phone "
        "address name company url link http https error warning info debug example ps nb tip step "
        "question1 status priority owner due deadline location time duration price total order "
        "orderid invoice result results next nextsteps background context goal goals risks budget "
        "timeline title version"
    )
)
_TRANSCRIPT_NAMES = frozenset(
    word_list(
        "transcript transcription transcripttext fulltranscript calltranscript meetingtranscript "
        "transcripts dialogue dialog rawtranscript chatlog chattranscript script"
    )
)
_TRANSCRIPT_TYPES = frozenset({"call", "call_transcription"})

Turn: TypeAlias = tuple[str, str, str]
"""Speaker, time stamp or "", words."""


def read(reading: UtteranceBuilder, name: str, text: str, voice: Attribution, scope: Scope) -> bool:  # noqa: ARG001
    """Read ``text`` if it is a dialogue; lines without a speaker go on with the last one."""
    if ":" not in text:
        return False
    lines = text.splitlines()
    turns = [_parse_turn(line) for line in lines]
    if not _is_dialogue(reading, name, lines, turns):
        return False
    _add_turns(reading, lines, turns, scope)
    return True


def read_known_speakers(reading: UtteranceBuilder, text: str, scope: Scope) -> bool:
    """Read ``text`` if it is a dialogue of participants, or of roles such as ``Agent``.

    For texts of which nothing tells that they are one: all who speak are known, at least two do,
    and every fourth line begins a turn. Rows of a table and forms are not taken for one.
    """
    if ":" not in text:
        return False
    lines = text.splitlines()
    turns = [_parse_turn(line) for line in lines]
    labels = {turn[0] for turn in turns if turn}
    begun = sum(1 for turn in turns if turn)
    if len(labels) < 2 or begun * 4 < sum(1 for line in lines if line.strip()):
        return False
    if not all(reading.participants.is_known(label) or role_of(label) for label in labels):
        return False
    if begun == len(labels) and not any(map(reading.participants.is_known, labels)):
        return False  # a form with a line for each
    _add_turns(reading, lines, turns, scope)
    return True


def _add_turns(
    reading: UtteranceBuilder, lines: list[str], turns: list[Turn | None], scope: Scope
) -> None:
    speaker: Attribution = UNATTRIBUTED
    words: list[str] = []
    for line, turn in zip(lines, turns, strict=True):
        if turn is None:
            words.append(line)
            continue
        _add_turn(reading, words, speaker)
        label, stamp, said = turn
        who = reading.resolve_speaker((label,), ())
        speaker = Attribution(*who, _turn_time(stamp, scope.start))
        words = [said]
    _add_turn(reading, words, speaker)


def _add_turn(reading: UtteranceBuilder, words: list[str], voice: Attribution) -> None:
    said = "\n".join(words)
    if voice.speaker and not said.strip():
        reading.add(voice.speaker)  # a line that only looked like the start of a turn
    else:
        reading.add(said, voice)


def _parse_turn(line: str) -> Turn | None:
    """The turn that ``line`` begins."""
    found = _CHAT_EXPORT.match(line)
    if found:
        return normalize_text(found[2]), found[1], line[found.end() :]
    found = _LINE.match(line)
    if found:
        stamp = next((x for x in (found[1], found[2], found[4], found[5]) if x), "")
        return normalize_text(found[3].strip("* ")), stamp, line[found.end() :]
    found = _NAME_LINE.fullmatch(line)
    return (normalize_text(found[1]), found[2], "") if found else None


def _is_dialogue(
    reading: UtteranceBuilder, name: str, lines: list[str], turns: list[Turn | None]
) -> bool:
    labels = Counter(turn[0] for turn in turns if turn)
    begun = labels.total()
    spoken = sum(1 for turn in turns if turn is None or turn[2].strip())
    if begun < 2 or spoken * 2 < begun:
        return False
    known = sum(1 for label in labels if reading.participants.is_known(label) or role_of(label))
    if known * 2 >= len(labels):
        return True
    if normalize_name(name) in _TRANSCRIPT_NAMES:
        return True
    if any(normalize_name(label) in _NOT_SPEAKERS or len(label.split()) > 6 for label in labels):
        return False
    filled = sum(1 for line in lines if line.strip())
    if reading.record_type in _TRANSCRIPT_TYPES:
        return begun * 4 >= filled
    return begun * 2 >= filled and len(labels) < begun


def _turn_time(stamp: str, start: int | None) -> str | None:
    if not stamp:
        return None
    ms = parse_timestamp_ms(stamp)
    if ms is None and start is not None:
        offset = parse_offset_ms(stamp)
        ms = None if offset is None else start + offset
    return None if ms is None else format_rfc3339(ms)
