"""Timestamps in the notations that senders use, converted to RFC 3339 in UTC."""

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_DAY_MS = 86_400_000
_EARLIEST_S = 100_000_000  # 1973: a smaller number is an offset from the start of a recording
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})(?:[.,](\d{1,3})\d*)?")
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?")


def parse_timestamp_ms(value: object) -> int | None:
    """Return a point in time in Unix milliseconds; None for any other value, such as an offset.

    Args:
        value: ISO 8601 or RFC 5322 text, or a Unix time as a number or text
            (``"1712345678.000200"``) in seconds, milliseconds, microseconds or nanoseconds, which
            are told apart by their magnitude. Text without a time zone is UTC, and a date its
            midnight.
    """
    if isinstance(value, str):
        return _parse_text(value.strip()) if 8 <= len(value) <= 64 else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _parse_number(value)


def parse_offset_ms(value: object, *, milliseconds: bool = False) -> int | None:
    """Return an offset from the start of a recording in milliseconds; None for any other value.

    Args:
        value: a number, as number or text, or a clock such as ``01:02:03.500``.
        milliseconds: whether a number is in milliseconds instead of seconds.
    """
    if isinstance(value, str):
        if len(value) > 24:
            return None
        clock = _CLOCK.fullmatch(value.strip())
        if clock:
            hours, minutes, seconds, fraction = clock.groups(default="0")
            whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
            return whole * 1000 + int(fraction.ljust(3, "0"))
        if not _NUMBER.fullmatch(value.strip()):
            return None
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value < _EARLIEST_S:
        return None
    return round(value if milliseconds else value * 1000)


def normalize_timestamp(value: object) -> str | None:
    """Return a point in time in RFC 3339; None for any other value.

    See :func:`parse_timestamp_ms` and :func:`format_rfc3339`.
    """
    if isinstance(value, str) and len(value) == 20 and value[19] == "Z" and value[10] == "T":
        try:
            if datetime.fromisoformat(value[:19]).isoformat() == value[:19]:
                return value
        except ValueError:
            return None
    ms = parse_timestamp_ms(value)
    return None if ms is None else format_rfc3339(ms)


def format_rfc3339(ms: int) -> str | None:
    """Return ``YYYY-MM-DDTHH:MM:SS[.mmm]Z``; None outside of the years 1 to 9999.

    Args:
        ms: Unix milliseconds.
    """
    seconds, rest = divmod(ms, 1000)
    try:
        text = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
    except (ValueError, OverflowError, OSError):
        return None
    return f"{text}.{rest:03d}Z" if rest else text + "Z"


def _parse_text(text: str) -> int | None:
    if _NUMBER.fullmatch(text):
        return _parse_number(float(text))
    try:
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _parse_number(value: float) -> int | None:
    if not math.isfinite(value) or value < _EARLIEST_S:
        return None
    for unit_per_ms in (0.001, 1, 1_000, 1_000_000):
        ms = value / unit_per_ms
        if ms < 100 * 365 * _DAY_MS:  # before 2070
            return round(ms)
    return None
