"""Timestamps in the notations that senders use, converted to RFC 3339 in UTC."""

import math
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from everlake.analysis.time_zones import MONTHS, ZONE_OFFSET_HOURS, find_zone

_DAY_MS = 86_400_000
_EARLIEST_S = 100_000_000  # 1973: a smaller number is an offset from the start of a recording
_TICKS_OF_50_YEARS = 50 * 365 * _DAY_MS * 10_000
_TICKS = (
    (125_911_584_000_000_000, 116_444_736_000_000_000),  # Windows, since 1601
    (630_822_816_000_000_000, 621_355_968_000_000_000),  # .NET, since the year 1
)
"""The year 2000 and 1970 in units of 100 ns since other years."""
_MAX_LENGTH = 128
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})(?:[.,](\d{1,3})\d*)?")
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?")
_DOT_NET = re.compile(r"\\?/Date\((-?\d{1,17})(?:[+-]\d{4})?\)\\?/")
_COMMENT = re.compile(r"\s?\([^()]{0,80}\)$|\sm=[+-][\d.]{1,30}$")
_ZONE_NAME = re.compile(
    r"\s?\[([A-Z][A-Za-z_+/-]{2,40})\]$|\s([A-Z][A-Za-z_]{1,20}/[A-Za-z_+/-]{2,40})$"
)

_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[AaPp])\.?\s?[Mm]\b\.?)?"
)
_ZONE = (
    r"(?:\s?(?P<zone>Z|(?:GMT|UTC)?\s?[+\u2212-]\d{1,2}(?::?\d{2})?(?::\d{2})?|[A-Za-z]{1,5})"
    r"(?:\s[A-Z]{1,5})?)?"
)
_CJK_TIME = (
    r"(?P<hour>\d{1,2})[:\u65f6\u6642\uc2dc]\s?(?P<minute>\d{2})[\u5206\ubd84]?"
    r"(?::(?P<second>\d{2}))?"
)
_BASIC_TIME = (
    r"(?P<hour>\d{2})(?P<minute>\d{2})(?:(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?" + _ZONE
)
_DAY_NAME = r"(?:[^\W\d_]{2,12}(?:-feira)?\.?,?\s{1,2}(?:den\s)?)?"
_MONTH = r"(?P<month>[^\W\d_]{3,13})\.?"
_DAY = r"(?P<day>\d{1,2})"
_AT = r"(?:(?:at|um|à|às|a las|alle|alle ore|ore|om|kl\.?|klo|o|\u0432|\u043e|saat)\s)?"
_REST = rf"(?:\.?,?\s{{1,2}}{_AT}{_TIME}(?:\sUhr)?{_ZONE})?"
_HALF_FIRST = (
    r"(?:(?P<half>[AaPp])\.?[Mm]\.?|\u4e0a\u5348|\u5348\u524d|\uc624\uc804|"
    r"(?P<after>\u4e0b\u5348|\u5348\u5f8c|\uc624\ud6c4))"
)
_LAYOUTS = {
    number: re.compile(layout)
    for number, layout in enumerate(
        (
            # 2024-05-02T09:00:00+02:00, 2024/5/2 9:00, 2024-05-02 09:00:00 +0200 CEST
            rf"(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.]{_DAY}(?:(?:[Tt]|,?\s{{1,2}}){_TIME}{_ZONE})?",
            # 20240502T090000Z
            rf"(?P<year>(?:19|20)\d{{2}})(?P<month>\d{{2}})(?P<day>\d{{2}})(?:[Tt]?{_BASIC_TIME})?",
            # Thu, 2 May 2024 09:00:00 +0200; Thursday, 02-May-24 09:00:00 GMT
            (
                rf"{_DAY_NAME}{_DAY}(?:[\s-]|\.\s?){_MONTH}[\s,-]{{1,2}}(?P<year>\d{{4}}|\d{{2}})"
                rf"(?:\s(?:\u0433|\u0440)\.)?{_REST}"
            ),
            # 2 de mayo de 2024, 09:00
            rf"{_DAY_NAME}{_DAY}\.?\sde\s{_MONTH}\sde\s(?P<year>\d{{4}}){_REST}",
            # the same in Chinese, Japanese and Korean, morning or afternoon before the time
            (
                rf"(?P<year>\d{{4}})[\u5e74\ub144]\s?(?P<month>\d{{1,2}})[\u6708\uc6d4]\s?{_DAY}"
                rf"[\u65e5\uc77c](?:\s?\(.\))?,?(?:\s{{0,2}}(?:{_HALF_FIRST}\s?)?{_CJK_TIME}{_ZONE})?"
            ),
            # Thu May 02 2024 09:00:00 GMT+0200; May 2, 2024 at 9:00 AM
            rf"{_DAY_NAME}{_MONTH}\s{{1,2}}{_DAY}(?:st|nd|rd|th)?,?\s(?P<year>\d{{4}}){_REST}",
            # Thu May  2 09:00:00 2024, Thu May 02 09:00:00 +0000 2024
            rf"{_DAY_NAME}{_MONTH}\s{{1,2}}{_DAY}\s{_TIME}{_ZONE}\s(?P<year>\d{{4}})",
            # 02.05.2024, 09:00
            rf"{_DAY}\.(?P<month>\d{{1,2}})\.(?P<year>\d{{4}}){_REST}",
            # 23/05/2024 09:00 and 05/23/2024 9:00 PM: only when it is clear which is the day
            rf"{_DAY}[/-](?P<month>\d{{1,2}})[/-](?P<year>\d{{4}}){_REST}",
        )
    )
}
_SLASHED = _LAYOUTS[len(_LAYOUTS) - 1]


def parse_timestamp_ms(value: object, zone: tzinfo = UTC) -> int | None:
    """Return a point in time in Unix milliseconds; None for any other value, such as an offset.

    Args:
        value: ISO 8601, RFC 5322, JavaScript's ``Date.toString()`` or another usual notation of a
            date, or a Unix time as a number or text (``"1712345678.000200"``) in seconds,
            milliseconds, microseconds or nanoseconds, which are told apart by their magnitude. A
            date is its midnight. A time zone must be an offset or an unambiguous abbreviation.
        zone: time zone of a text that states none.
    """
    if isinstance(value, str):
        return _parse_text(value.strip(), zone) if 8 <= len(value) <= _MAX_LENGTH else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _parse_number(value)


def parse_offset_ms(value: object, *, milliseconds: bool = False) -> int | None:
    """Return an offset from the start of a recording in milliseconds; None for any other value.

    Args:
        value: a number, as number or text (``1.5s`` too), or a clock such as ``01:02:03.500``.
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
        number = value.strip().removesuffix("s")
        if not _NUMBER.fullmatch(number):
            return None
        value = float(number)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value < _EARLIEST_S:
        return None
    return round(value if milliseconds else value * 1000)


def normalize_timestamp(value: object, zone: tzinfo = UTC) -> str | None:
    """Return a point in time in RFC 3339; None for any other value.

    See :func:`parse_timestamp_ms` and :func:`format_rfc3339`.
    """
    if isinstance(value, str) and len(value) == 20 and value[19] == "Z" and value[10] == "T":
        try:
            if datetime.fromisoformat(value[:19]).isoformat() == value[:19]:
                return value
        except ValueError:
            pass  # 24:00, 60 seconds, or no date
    ms = parse_timestamp_ms(value, zone)
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


def _parse_text(text: str, zone: tzinfo) -> int | None:
    if _NUMBER.fullmatch(text) and not (text.isdigit() and len(text) in (8, 12, 14)):
        return _parse_number(float(text))
    dot_net = _DOT_NET.fullmatch(text)
    if dot_net:
        return int(dot_net[1])
    text = _COMMENT.sub("", text.replace("\u202f", " ").replace("\xa0", " "))
    named = _ZONE_NAME.search(text)
    if named and (stated := find_zone(named[1] or named[2])):
        text, zone = text[: named.start()], stated
    for layout in _LAYOUTS.values():
        found = layout.fullmatch(text)
        if found:
            ms = _milliseconds(found, zone)
            break
    else:
        ms = None
    if ms is None and text.isdigit():
        return _parse_number(float(text))
    return ms


def _milliseconds(found: "re.Match[str]", zone: tzinfo) -> int | None:
    parts = found.groupdict()
    month = MONTHS.get(parts["month"].lower()) if parts["month"].isalpha() else int(parts["month"])
    day, year = int(parts["day"]), int(parts["year"])
    if month is None:
        return None
    if found.re is _SLASHED:
        if month > 12:
            day, month = month, day
        elif day <= 12 and day != month:
            return None
    if len(parts["year"]) == 2:
        year += 2000 if year < 70 else 1900
    half = "p" if parts.get("after") else parts.get("half")
    hour = _hour(int(parts.get("hour") or 0), half)
    stated = _zone(parts.get("zone"))
    if hour is None or (parts.get("zone") and stated is None):
        return None
    fraction = int((parts.get("fraction") or "0").ljust(6, "0")[:6])
    minute, second = int(parts.get("minute") or 0), int(parts.get("second") or 0)
    # ISO 8601 has 24:00 for the end of a day, and 60 for a leap second.
    days = 1 if (hour, minute, second) == (24, 0, 0) else 0
    hour, second = (0 if days else hour), (59 if second == 60 else second)
    try:
        moment = datetime(year, month, day, hour, minute, second, fraction, stated or zone)
        return round((moment + timedelta(days=days)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _hour(hour: int, half: str | None) -> int | None:
    """Return the hour of the day; None when there is no such hour."""
    if not half:
        return hour
    if not 0 <= hour <= 12:
        return None
    return hour % 12 + (12 if half in "Pp" else 0)


def _zone(name: str | None) -> tzinfo | None:
    """Return the time zone that an offset or an abbreviation denotes."""
    if not name:
        return None
    if name[-1].isdigit():
        sign = -1 if "-" in name or "\u2212" in name else 1
        digits = re.sub(r"\D", "", name)
        if ":" in name:
            hours, minutes = (
                int(part[-2:].lstrip("+-\u2212") or 0) for part in name.split(":")[:2]
            )
        else:
            digits = digits.zfill(2)
            hours, minutes = int(digits[:-2] or 0), int(digits[-2:])
            if len(digits) <= 2:
                hours, minutes = minutes, 0
        if hours > 23 or minutes > 59:
            return None
        return timezone(sign * timedelta(hours=hours, minutes=minutes))
    hours_east = ZONE_OFFSET_HOURS.get(name.upper())
    return None if hours_east is None else timezone(timedelta(hours=hours_east))


def _parse_number(value: float) -> int | None:
    if not math.isfinite(value) or value < _EARLIEST_S:
        return None
    for first, epoch in _TICKS:
        if first <= value < first + _TICKS_OF_50_YEARS:
            return round((value - epoch) / 10_000)
    for unit_per_ms in (0.001, 1, 1_000, 1_000_000):
        ms = value / unit_per_ms
        if ms < 100 * 365 * _DAY_MS:  # before 2070
            return round(ms)
    return None
