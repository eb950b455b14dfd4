"""When an object was said, from its own members and the start of the recording."""

from collections.abc import Mapping

from everlake.analysis.decode import Json
from everlake.analysis.names import Kind, member, plain_name, vocabulary
from everlake.analysis.times import absolute_ms, normalised, offset_ms, rfc3339

_LEAST_RATE = 0.1
"""Characters a second of the slowest speech; in milliseconds any speech is slower."""


def start_of(item: Mapping[str, Json]) -> int | None:
    """Unix milliseconds at which the recording that ``item`` describes began.

    From the item's own members, else from an object in it. A date alone does not tell.
    """
    told: list[tuple[int, Json]] = []
    objects: list[dict[str, Json]] = []
    for name, value in item.items():
        found = member(name)
        if isinstance(value, dict):
            objects.append(value)
        elif found.kind in _ORDER and _tells(name, value):
            told.append((found.rank + _ORDER[found.kind], value))
    for inner in objects:
        for name, value in inner.items():
            if member(name).kind is Kind.START:
                told.append((_LAST, value))
    for _, value in sorted(told, key=_rank):
        ms = absolute_ms(value)
        if ms is not None:
            return ms
    return None


def _tells(name: str, value: Json) -> bool:
    return (
        not isinstance(value, list)
        and not (isinstance(value, str) and len(value) <= len("2024-04-05"))
        and plain_name(name) not in _NOT_A_START
    )


_LAST = 1_000
_ORDER = {Kind.START: 0, Kind.OFFSET: 100, Kind.TIME: 200}
_NOT_A_START = frozenset(
    vocabulary(
        "createdat created createdtime createddatetime updatedat updated modifiedat publishedat "
        "postedat receivedat receiveddatetime submittedat internaldate"
    )
)


def said_at(
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
        moment = normalised(value)
        if moment is not None:
            return moment
    for _, name, value in sorted(offsets, key=_rank) if len(offsets) > 1 else offsets:
        ms = absolute_ms(value)
        if ms is None and start is not None:
            offset = offset_ms(value, milliseconds=_in_milliseconds(name, value, end, length))
            ms = None if offset is None else start + offset
        if ms is not None:
            return rfc3339(ms)
    if start is not None:
        for _, value in times:
            offset = offset_ms(value)
            if offset is not None:
                return rfc3339(start + offset)
    return None


def _rank(item: tuple[int, object] | tuple[int, object, object]) -> int:
    return item[0]


def _in_milliseconds(name: str, value: Json, end: Json, length: int) -> bool:
    if plain_name(name).endswith(("ms", "millis")):
        return True
    if not isinstance(value, int) or not isinstance(end, int) or end <= value:
        return False
    return length / (end - value) < _LEAST_RATE
