"""Conditional and range requests on content that never changes (RFC 9110, 13 and 14)."""

import re
from typing import NamedTuple

_RANGE = re.compile(r"(\d*)[ \t]*-[ \t]*(\d*)", re.ASCII)
_MAX_DIGITS = 18
"""More than these in a position lie behind the end of anything."""


class ByteRange(NamedTuple):
    """The bytes from ``start`` to before ``end``."""

    start: int
    end: int


class RangeNotSatisfiable(Exception):
    """The one range that is asked for has no byte of the content."""


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The one range that a ``Range`` header asks for, cut to the content.

    None where all of the content is to be sent: there is no header, its unit is not bytes, it is
    malformed, or it asks for several ranges (RFC 9110, 14.2: a server may ignore it).

    Raises:
        Unsatisfiable: see there.
    """
    unit, separator, ranges = (header or "").partition("=")
    found = _RANGE.fullmatch(ranges.strip(" \t"))
    if unit.strip(" \t").lower() != "bytes" or not separator or found is None:
        return None
    first, last = found[1], found[2]
    if not first:
        if not last:
            return None
        length = min(_parse_position(last), size)
        if not length:
            raise RangeNotSatisfiable
        return ByteRange(size - length, size)
    start = _parse_position(first)
    if last and _parse_position(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable
    return ByteRange(start, min(_parse_position(last) + 1, size) if last else size)


def matches_if_none_match(if_none_match: str | None, etag: str) -> bool:
    """Whether ``If-None-Match`` names the content (RFC 9110, 13.1.2: by weak comparison)."""
    if if_none_match is None:
        return False
    tags = [tag.strip(" \t") for tag in if_none_match.split(",")]
    return tags == ["*"] or etag in [tag.removeprefix("W/") for tag in tags]


def matches_if_range(if_range: str | None, etag: str) -> bool:
    """Whether ``If-Range`` lets a range be sent (RFC 9110, 13.1.5: by strong comparison).

    A date never does: content has no date of its own here.
    """
    return if_range is None or if_range.strip(" \t") == etag


def _parse_position(digits: str) -> int:
    return int(digits) if len(digits.lstrip("0")) <= _MAX_DIGITS else 10**_MAX_DIGITS
