"""List of single words with their times, as speech recognisers emit beside the sentence.

Of each word there may be several alternatives, of which the first counts, and its speaker, by
whom the words are joined to turns.
"""

from collections.abc import Mapping
from itertools import groupby
from typing import NamedTuple

from everlake.analysis.joining import join_words
from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import normalize_name
from everlake.analysis.shapes.time_members import time_said
from everlake.analysis.types import Attribution, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_MIN_WORDS = 4
_MAX_WORD_LENGTH = 80
_TEXTS = ("punctuatedword", "displayword", "word", "text", "value", "token", "content", "w")
_STARTS = ("start", "starttime", "startoffset", "starttimems", "startms", "offset", "begin",
           "beginoffset", "ts", "starttimeoffset", "offsetinticks", "time", "s")  # fmt: skip
_ENDS = ("end", "endtime", "endoffset", "endms", "endtimems", "endts", "e")
_SPEAKERS = ("speakername", "speaker", "speakerlabel", "speakerid", "speakertag")
_SOUND_TYPES = frozenset({"audio_event", "event", "sound"})
_UNTIMED_TYPES = frozenset({"punctuation", "punct", "spacing", "space"})


class _Word(NamedTuple):
    text: str
    speaker: str | None
    start: tuple[str, Json]
    end: Json


def read(
    builder: UtteranceBuilder,
    name: str,
    items: list[Json],
    scope: Scope,
) -> Remaining | None:
    """Read a list of objects with one word and its time each, as one text or as turns."""
    if scope.is_metadata or not isinstance(items[0], dict) or _word(items[0]) is None:
        return None
    words: list[_Word] = []
    for item in items:
        word = _word(item)
        if word is None:
            return None
        words.append(word)
    speakers = {word.speaker for word in words if word.speaker is not None}
    if len(words) < _MIN_WORDS and not speakers:
        return None
    if speakers:
        _add_turns(builder, name, _with_all_speakers(words), scope)
        return ()
    text = join_words(word.text for word in words)
    if scope.coverage is not None:
        text = scope.coverage.uncovered_lines(text)
    builder.add_tentative(lambda: builder.add(text))
    return ()


def _word(item: Json) -> _Word | None:
    if not isinstance(item, dict):
        return None
    members: dict[str, Json] = {normalize_name(key): value for key, value in item.items()}
    alternatives = members.get("alternatives")
    if isinstance(alternatives, list) and alternatives and isinstance(alternatives[0], dict):
        for key, value in alternatives[0].items():
            members.setdefault(normalize_name(key), value)
    kind = kind if isinstance(kind := members.get("type"), str) else ""
    if any(isinstance(value, str) and " " in value.strip() for value in members.values()):
        return None
    start = next(((key, members[key]) for key in _STARTS if members.get(key) is not None), None)
    if start is None and kind not in _UNTIMED_TYPES:
        return None
    text = next((said for key in _TEXTS if isinstance(said := members.get(key), str)), None)
    if text is None or " " in text.strip() or len(text) > _MAX_WORD_LENGTH:
        return None
    end = next((members[key] for key in _ENDS if key in members), None)
    return _Word("" if kind in _SOUND_TYPES else text, _speaker(members), start or ("", None), end)


def _speaker(members: Mapping[str, Json]) -> str | None:
    for key in _SPEAKERS:
        value = members.get(key)
        if isinstance(value, dict):
            value = next(
                (value[inner] for inner in ("name", "label", "id") if inner in value), None
            )
        if isinstance(value, str) and value.strip():
            return f"Speaker {value}" if value.isdigit() and len(value) < 4 else value
        if isinstance(value, int) and not isinstance(value, bool):
            # Google numbers speakers from 1; 0 is a word that has none.
            return None if key == "speakertag" and value == 0 else f"Speaker {value}"
    return None


def _with_all_speakers(words: list[_Word]) -> list[_Word]:
    """Return the words, those without a speaker with that of the word before."""
    speaker = next((word.speaker for word in words if word.speaker is not None), None)
    complete: list[_Word] = []
    for word in words:
        speaker = word.speaker or speaker
        complete.append(word._replace(speaker=speaker))
    return complete


def _add_turns(builder: UtteranceBuilder, name: str, words: list[_Word], scope: Scope) -> None:
    builder.source = builder.new_source(name, of_words=True)
    for label, group in groupby(words, key=lambda word: word.speaker):
        turn = list(group)
        first = turn[0]
        offsets = [(0, *first.start)]
        start, zone = scope.recording_start, scope.zone
        said_at = time_said([], offsets, first.end, len(first.text), start, zone)
        speaker, role = builder.resolve_speaker((label or "",), ())
        text = join_words(word.text for word in turn)
        builder.add(text, Attribution(speaker, role, said_at))
