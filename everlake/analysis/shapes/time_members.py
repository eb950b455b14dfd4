"""Times in an object: the time of an utterance, and the start of a recording."""

import re
from collections.abc import Mapping
from datetime import UTC, tzinfo

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of, normalize_name, word_list
from everlake.analysis.time_zones import find_zone
from everlake.analysis.timestamps import (
    format_rfc3339,
    normalize_timestamp,
    parse_offset_ms,
    parse_timestamp_ms,
)

_CLOCK = re.compile(
    r"\s{0,3}\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:\s?[AaPp][Mm])?(?:Z|\s?[+-]\d{2}:?\d{2})?\s{0,3}"
)
_DAY = re.compile(r"\s{0,3}(?:\d{8}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})\s{0,3}")
_ZONE_NAMES = frozenset(word_list("timezone tz timezoneid timezonename ianatimezone"))
_WRAPPED_NAMES = ("datetime", "date", "seconds", "_seconds", "value", "time", "iso", "iso8601")
_MIN_CHARACTERS_PER_SECOND = 0.1
"""Characters per second of the slowest speech. An offset in milliseconds taken as seconds gives
fewer."""
_NESTED_RANK = 1_000
_KIND_RANKS = {MemberKind.START: 0, MemberKind.OFFSET: 100, MemberKind.TIME: 200}
_NOT_START_NAMES = frozenset(
    word_list(
        "createdat created createdtime createddatetime updatedat updated modifiedat publishedat "
        "postedat receivedat receiveddatetime submittedat internaldate createddate createdon "
        "createtime creationtime creationdate datecreated timecreated dateadded "
        "publisheddate publishedon publishtime receivedtime receivedon receiveddate "
        "submitteddate submissiondate posteddate postedon"
    )
)


def zone_of(item: Mapping[str, Json]) -> tzinfo | None:
    """Return the time zone that an object states for its times, or None."""
    for name, value in item.items():
        if isinstance(value, str) and normalize_name(name) in _ZONE_NAMES:
            return find_zone(value)
    return None


def unwrap_time(value: Mapping[str, Json]) -> Json:
    """Return the time in an object that is nothing but a time, or None.

    Such are ``{"$date": "…"}`` of MongoDB, ``{"seconds": …, "nanoseconds": …}`` of Firestore and
    ``{"dateTime": "…", "timeZone": "Europe/Berlin"}`` of Microsoft Graph.
    """
    if len(value) > 4:
        return None
    for name, inner in value.items():
        if name.lower().lstrip("$") in _WRAPPED_NAMES and not isinstance(inner, dict | list):
            return normalize_timestamp(inner, zone_of(value) or UTC)
    return None


def recording_start_of(item: Mapping[str, Json], zone: tzinfo | None = None) -> int | None:
    """Return the start of the recording that an object describes, in Unix milliseconds, or None.

    The object's own members take precedence over those of objects in it. A date without a time of
    day is not precise enough.

    Args:
        item: the object.
        zone: time zone of times that state none, unless the object has one.
    """
    zone = zone_of(item) or zone or UTC
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
        ms = parse_timestamp_ms(value, zone)
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
    zone: tzinfo | None = None,
) -> str | None:
    """Return the time of an utterance in RFC 3339 and UTC, or None.

    Args:
        times: ranks and values of members that hold points in time.
        offsets: ranks, names and values of members that hold offsets from the start.
        end: offset of the end of the utterance, if there is one.
        length: length of the text in characters, by which seconds and milliseconds are told apart.
        start: start of the recording, in Unix milliseconds.
        zone: time zone of times that state none; UTC by default.
    """
    zone = zone or UTC
    if len(times) > 1:
        times = sorted(times, key=_rank)
    for _, value in times:
        moment = normalize_timestamp(value, zone)
        if moment is not None:
            is_day = isinstance(value, str) and _DAY.fullmatch(value) is not None
            return (_time_on_day(moment, value, times, zone) if is_day else None) or moment
    for _, name, value in sorted(offsets, key=_rank) if len(offsets) > 1 else offsets:
        ms = parse_timestamp_ms(value, zone)
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


def _time_on_day(
    midnight: str, day: Json, times: list[tuple[int, Json]], zone: tzinfo
) -> str | None:
    """Return the time on a day that is stated without one: a clock beside it, or a timestamp."""
    for _, value in times:
        if isinstance(value, str) and value is not day:
            if _CLOCK.fullmatch(value):
                return normalize_timestamp(f"{str(day).strip()} {value.strip()}", zone)
            moment = normalize_timestamp(value, zone)
            if moment is not None and moment != midnight and moment[:10] == midnight[:10]:
                return moment
    return None


def _rank(item: tuple[int, object] | tuple[int, object, object]) -> int:
    return item[0]


def _in_milliseconds(name: str, value: Json, end: Json, length: int) -> bool:
    if normalize_name(name).endswith(("ms", "millis")):
        return True
    if not isinstance(value, int) or not isinstance(end, int) or end <= value:
        return False
    return length / (end - value) < _MIN_CHARACTERS_PER_SECOND
