"""When an object was said, from its own members and the start of the recording."""

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
"""Characters a second of the slowest speech; in milliseconds any speech is slower."""


def recording_start_of(item: Mapping[str, Json]) -> int | None:
    """Unix milliseconds at which the recording that ``item`` describes began.

    From the item's own members, else from an object in it. A date alone does not tell.
    """
    told: list[tuple[int, Json]] = []
    objects: list[dict[str, Json]] = []
    for name, value in item.items():
        found = meaning_of(name)
        if isinstance(value, dict):
            objects.append(value)
        elif found.kind in _KIND_RANKS and _is_usable_time(name, value):
            told.append((found.rank + _KIND_RANKS[found.kind], value))
    for inner in objects:
        for name, value in inner.items():
            if meaning_of(name).kind is MemberKind.START:
                told.append((_NESTED_RANK, value))
    for _, value in sorted(told, key=_rank):
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


_NESTED_RANK = 1_000
_KIND_RANKS = {MemberKind.START: 0, MemberKind.OFFSET: 100, MemberKind.TIME: 200}
_NOT_START_NAMES = frozenset(
    word_list(
        "createdat created createdtime createddatetime updatedat updated modifiedat publishedat "
        "postedat receivedat receiveddatetime submittedat internaldate"
    )
)


def time_said(
    times: list[tuple[int, Json]],
    offsets: list[tuple[int, str, Json]],
    end: Json,
    length: int,
    start: int | None,
) -> str | None:
    """The moment, RFC 3339 in UTC, or None.

    Args:
        times: values of time members with their ranks.
        offsets: ranks, names and values of members that count from the start.
        end: where the same stretch ends, if the object tells.
        length: of the text, in characters; it tells seconds from milliseconds.
        start: of the recording, Unix milliseconds.
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
