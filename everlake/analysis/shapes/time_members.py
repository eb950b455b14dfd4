"""Times in an object: the time of an utterance, and the start of a recording."""

from collections.abc import Mapping

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of, normalize_name, word_list
from everlake.analysis.timestamps import (
    format_rfc3339,
    normalize_timestamp,
    parse_offset_ms,
    parse_timestamp_ms,
)

_MIN_CHARACTERS_PER_SECOND = 0.1
"""Characters per second of the slowest speech. An offset in milliseconds taken as seconds gives
fewer."""
_NESTED_RANK = 1_000
_KIND_RANKS = {MemberKind.START: 0, MemberKind.OFFSET: 100, MemberKind.TIME: 200}
_NOT_START_NAMES = frozenset(
    word_list(
        "createdat created createdtime createddatetime updatedat updated modifiedat publishedat "
        "postedat receivedat receiveddatetime submittedat internaldate"
    )
)


def recording_start_of(item: Mapping[str, Json]) -> int | None:
    """Return the start of the recording that an object describes, in Unix milliseconds, or None.

    The object's own members take precedence over those of objects in it. A date without a time of
    day is not precise enough.
    """
    candidates: list[tuple[int, Json]] = []
    objects: list[dict[str, Json]] = []
    for name, value in item.items():
        meaning = meaning_of(name)
        if isinstance(value, dict):
            objects.append(value)
        elif meaning.kind in _KIND_RANKS and _is_usable_time(name, value):
            candidates.append((meaning.rank + _KIND_RANKS[meaning.kind], value))
    for inner in objects:
        for name, value in inner.items():
            if meaning_of(name).kind is MemberKind.START:
                candidates.append((_NESTED_RANK, value))
    for _, value in sorted(candidates, key=_rank):
        ms = parse_timestamp_ms(value)
        if ms is not None:
            return ms
    return None


def _is_usable_time(name: str, value: Json) -> bool:
    return (
        not isinstance(value, list)
        and not (isinstance(value, str) and len(value) <= len("2024-04-05"))
        and normalize_name(name) not in _NOT_START_NAMES
    )


def time_said(
    times: list[tuple[int, Json]],
    offsets: list[tuple[int, str, Json]],
    end: Json,
    length: int,
    start: int | None,
) -> str | None:
    """Return the time of an utterance in RFC 3339 and UTC, or None.

    Args:
        times: ranks and values of members that hold points in time.
        offsets: ranks, names and values of members that hold offsets from the start.
        end: offset of the end of the utterance, if there is one.
        length: length of the text in characters, by which seconds and milliseconds are told apart.
        start: start of the recording, in Unix milliseconds.
    """
    if len(times) > 1:
        times = sorted(times, key=_rank)
    for _, value in times:
        moment = normalize_timestamp(value)
        if moment is not None:
            return moment
    for _, name, value in sorted(offsets, key=_rank) if len(offsets) > 1 else offsets:
        ms = parse_timestamp_ms(value)
        if ms is None and start is not None:
            offset = parse_offset_ms(value, milliseconds=_in_milliseconds(name, value, end, length))
            ms = None if offset is None else start + offset
        if ms is not None:
            return format_rfc3339(ms)
    if start is not None:
        for _, value in times:
            offset = parse_offset_ms(value)
            if offset is not None:
                return format_rfc3339(start + offset)
    return None


def _rank(item: tuple[int, object] | tuple[int, object, object]) -> int:
    return item[0]


def _in_milliseconds(name: str, value: Json, end: Json, length: int) -> bool:
    if normalize_name(name).endswith(("ms", "millis")):
        return True
    if not isinstance(value, int) or not isinstance(end, int) or end <= value:
        return False
    return length / (end - value) < _MIN_CHARACTERS_PER_SECOND
