"""Turns within a cue: voice tags, labels, chevrons, dialogue dashes, and machine data."""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from everlake.analysis.json_decoding import Json, decode_json
from everlake.analysis.member_names import normalize_name
from everlake.analysis.shapes.cues import Cue
from everlake.analysis.speaker_names import is_sound
from everlake.markup import decode_entities

_VOICE = re.compile(r"<v(?:\.[^\s>]{0,80}+)?\s++([^\s>][^>]{0,199}+)>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,200}>|\{\\[a-z0-9&]{1,20}\}")
_CHANGE = re.compile(r"(?:>{2,3}|(?:&gt;){2,3})\s{0,3}")
_DASH = re.compile(r"[-\u2013\u2010]\s{0,2}(?=[^\W\d_]|[\"'\u00ab\u201c\u00bf\u00a1(\[])")
_LABEL = re.compile(
    r"(?:\*\*)?(?:\[([^\[\]\n]{1,60})\]|\(([^()\n]{1,60})\)|([^\W\d_][^:\uff1a\n<>\[\]]{0,59}))"
    r"(?:\*\*)?\s?(?::|\uff1a)(?:\*\*)?(?:\s{1,4}(?=\S)|(?<=\uff1a)|\s{0,4}$)"
)
_BRACKETED = re.compile(r"(?:\[([^\[\]\n]{1,60})\]|\(([^()\n]{1,60})\))\s{0,3}(?=\S)")
_SPOKEN = ("spokentext", "text", "payload", "transcript", "caption", "content")
_SPOKEN_BY = ("speakername", "speaker", "displayname", "name", "speakerid", "participantid")
_SPOKEN_AT = ("startdatetime", "timestamp", "starttime")
_MAX_JSON_LENGTH = 100_000


class CueTurn(NamedTuple):
    """Text of a cue, or a part of it.

    ``is_new`` says that the speaker is stated or changes here; otherwise the turn before goes on.
    """

    text: str
    speaker: str | None = None
    is_new: bool = False
    said_at: Json = None


def has_voice(line: str) -> bool:
    """Return whether a line has a WebVTT voice tag."""
    return _VOICE.search(line) is not None


def payload_labels(lines: list[str]) -> Iterator[str]:
    """Yield what stands like a speaker's name at the start of the lines of a cue."""
    for line in lines:
        if not has_voice(line):
            rest, _ = _without_mark(_TAG.sub("", line))
            label, _ = _split_label(rest)
            if label and not is_sound(label):
                yield label


def cue_turns(cue: Cue, speakers: Collection[str]) -> Iterator[CueTurn]:
    """Yield the turns of a cue.

    Args:
        cue: the cue.
        speakers: the labels that name speakers.
    """
    if cue.lines and cue.lines[0].startswith("{"):
        data = _metadata(cue)
        if data is not None:
            yield from _spoken(data)
            return
    if any(map(has_voice, cue.lines)):
        yield from _voice_turns("\n".join(cue.lines), cue.speaker)
        return
    if cue.speaker is not None:
        yield CueTurn(" ".join(map(_clean, cue.lines)), cue.speaker, is_new=True)
        return
    for line in cue.lines:
        yield _line_turn(line, speakers)


def _line_turn(line: str, speakers: Collection[str]) -> CueTurn:
    rest, is_new = _without_mark(_TAG.sub("", line).strip())
    # Before character references are decoded: an escaped colon does not end a name.
    label, text = _split_label(rest)
    if label is not None and label in speakers:
        return CueTurn(_clean(text), label, is_new=True)
    return CueTurn(_clean(rest), is_new=is_new)


def _split_label(line: str) -> tuple[str | None, str]:
    found = _LABEL.match(line) or _BRACKETED.match(line)
    if not found:
        return None, line
    label = next(filter(None, found.groups()), "")
    return decode_entities(label).strip("* \t") or None, line[found.end() :]


def _without_mark(line: str) -> tuple[str, bool]:
    """Return a line without the mark of a new speaker, and whether it has one."""
    line = line.strip()
    found = _CHANGE.match(line) or _DASH.match(line)
    return (line[found.end() :], True) if found else (line, False)


def _voice_turns(text: str, speaker: str | None) -> Iterator[CueTurn]:
    end = 0
    for found in _VOICE.finditer(text):
        if before := _clean(text[end : found.start()]):
            yield CueTurn(before, speaker, is_new=True)
        name, end = decode_entities(found[1]).strip(), found.end()
        speaker = name if any(map(str.isalnum, name)) else None
    yield CueTurn(_clean(text[end:]), speaker, is_new=True)


def _clean(text: str) -> str:
    return decode_entities(_TAG.sub("", text)).strip()


def _metadata(cue: Cue) -> dict[str, Json] | None:
    """Return the object in a cue of machine data, such as those of Microsoft Teams."""
    text = "\n".join(cue.lines)
    if not text.endswith("}") or len(text) > _MAX_JSON_LENGTH:
        return None
    data = decode_json(text.encode("utf-8", "replace"))
    return data if isinstance(data, dict) else None


def _spoken(data: dict[str, Json]) -> Iterator[CueTurn]:
    members = {normalize_name(name): value for name, value in data.items()}
    text = next((value for key in _SPOKEN if isinstance(value := members.get(key), str)), "")
    names = (value for key in _SPOKEN_BY if isinstance(value := members.get(key), str) and value)
    said_at = next((members[key] for key in _SPOKEN_AT if key in members), None)
    if text.strip():
        yield CueTurn(text.strip(), next(names, None), is_new=True, said_at=said_at)
