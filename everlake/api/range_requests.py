"""Conditional and range requests for content that never changes (RFC 9110, 13 and 14)."""

import re
from typing import NamedTuple

_RANGE = re.compile(r"(\d*)[ \t]*-[ \t]*(\d*)", re.ASCII)
_MAX_DIGITS = 18
"""A position with more digits is beyond the end of any content."""


class ByteRange(NamedTuple):
    """The bytes from ``start`` to before ``end``."""

    start: int
    end: int


class RangeNotSatisfiable(Exception):
    """No byte of the content is in the requested range; ``size`` is that of the content."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """Return the range that a ``Range`` header asks for, cut to the content.

    None means the whole content: there is no header, its unit is not bytes, it is malformed, or
    it asks for several ranges (RFC 9110, 14.2: a server may ignore it).

    Args:
        header: the header's value, None when there is no header.
        size: bytes of the content.

    Raises:
        RangeNotSatisfiable: no byte of the content is in the range.
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
            raise RangeNotSatisfiable(size)
        return ByteRange(size - length, size)
    start = _parse_position(first)
    if last and _parse_position(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    return ByteRange(start, min(_parse_position(last) + 1, size) if last else size)


def matches_if_none_match(if_none_match: str | None, etag: str) -> bool:
    """Return whether ``If-None-Match`` names the content (RFC 9110, 13.1.2: weak comparison)."""
    if if_none_match is None:
        return False
    tags = [tag.strip(" \t") for tag in if_none_match.split(",")]
    return tags == ["*"] or etag in [tag.removeprefix("W/") for tag in tags]


def matches_if_range(if_range: str | None, etag: str) -> bool:
    """Return whether ``If-Range`` allows a range to be sent (RFC 9110, 13.1.5: strong comparison).

    A date does not allow it: content has no modification date here.
    """
    return if_range is None or if_range.strip(" \t") == etag


def _parse_position(digits: str) -> int:
    return int(digits) if len(digits.lstrip("0")) <= _MAX_DIGITS else 10**_MAX_DIGITS
