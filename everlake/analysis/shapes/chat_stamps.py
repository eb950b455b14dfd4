"""Times of the messages in chat exports: their notations, and the order of day and month."""

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo

from everlake.analysis.member_names import word_list
from everlake.analysis.time_zones import MONTHS
from everlake.analysis.timestamps import parse_timestamp_ms

_MORNING = word_list("am a.m. a.m 上午 午前 오전 凌晨 早上 清晨 ص π.μ. дп sa öö vorm. f.m. fm")
_AFTERNOON = word_list("pm p.m. p.m 下午 午後 오후 中午 晚上 傍晚 م μ.μ. пп ch ös nachm. e.m. em")
_HALF_WORDS = "|".join(
    re.escape(word) for word in sorted((*_MORNING, *_AFTERNOON), key=len, reverse=True)
)
_HALF = rf"(?:{_HALF_WORDS}|[ap]\.?\s?m\.?)"
_MONTH = r"(?:[A-Za-z]{3,9}\.?)"
_DATE = (
    r"(?:\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{1,4}\.?|\d{4}[\u5e74\ub144]\s?\d{1,2}[\u6708\uc6d4]\s?"
    rf"\d{{1,2}}[\u65e5\uc77c]|{_MONTH}\s\d{{1,2}},?\s\d{{4}}|\d{{1,2}}\s{_MONTH}\s\d{{4}}"
    rf"|\d{{1,2}}-{_MONTH}-\d{{2,4}}|\d{{1,2}}[./]\d{{1,2}}\.?(?=,?\s)|{_MONTH}\s{{1,2}}\d{{1,2}}(?=,?\s))"
)
_DAY = (
    r"(?:today|yesterday|heute|gestern|hoy|ayer|aujourd'hui|hier|oggi|ieri|hoje|ontem|vandaag"
    r"|gisteren|dzisiaj|wczoraj|i dag|i g\u00e5r|idag|ig\u00e5r"
    r"|\u0441\u0435\u0433\u043e\u0434\u043d\u044f"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
    r"|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch"
    r"|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche"
    r"|lunes|martes|mi\u00e9rcoles|jueves|viernes|s\u00e1bado|domingo"
    r"|\u0432\u0447\u0435\u0440\u0430|\u4eca\u5929|\u6628\u5929|\u4eca\u65e5|\u6628\u65e5)"
)
_CLOCK = (
    rf"(?:{_HALF}\s?)?\d{{1,2}}[:.]\d{{2}}(?:[:.]\d{{2}})?(?:[.,]\d{{1,6}})?"
    rf"(?:\s?{_HALF}(?!\w))?(?:Z|[+-]\d{{2}}:?\d{{2}})?"
)
_BETWEEN = r"(?:T|[,\u060c]?\s{1,3}(?:(?:at|um|às|klo?\.?|om|à|a las|alle)\s)?)"
STAMP = rf"(?:(?:{_DATE}|{_DAY}){_BETWEEN}{_CLOCK}(?:\sUhr)?|{_CLOCK}(?:,\s{_DATE})?)"
"""Pattern of a time of day, with or without a date, in letters of any case."""
_WEEKDAY = r"(?:[^\W\d_]{2,12}\.?,?\s{1,2})?"
DATE_LINE = re.compile(
    rf"{_WEEKDAY}{_DATE}|[\s=\u2014\u2013-]{{0,40}}{_DATE},?\s?[(]?[^\W\d_]{{0,12}}[)]?[\s=\u2014\u2013-]{{0,40}}",
    re.IGNORECASE,
)
_NUMERIC = re.compile(r"(\d{1,4})[^\d:]{1,2}(\d{1,2})[^\d:]{1,2}(\d{1,4})(?=[^\d:])")
_IN_DATE = re.compile(_DATE)
_DATED = re.compile(rf"{_DATE}|{_DAY}", re.IGNORECASE)
_DATE_BEHIND = re.compile(rf"({_CLOCK}),\s({_DATE})", re.IGNORECASE)
_TIME_OF_DAY = re.compile(r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?![\d/])")
_ZONED = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")
_MORNING_WORDS = re.compile("|".join(map(re.escape, _MORNING)) + r"|a\.?\s?m", re.IGNORECASE)
_AFTERNOON_WORDS = re.compile("|".join(map(re.escape, _AFTERNOON)) + r"|p\.?\s?m", re.IGNORECASE)
_PARTS = re.compile(r"[\s-]")
_ORDERS = ("ymd", "dmy", "mdy")


def has_date(stamp: str) -> bool:
    """Return whether a stamp has a date beside the time of day."""
    return _IN_DATE.match(stamp) is not None


def has_day(stamp: str) -> bool:
    """Return whether a stamp has a date, or a day such as ``Yesterday``."""
    return _DATED.match(stamp) is not None


def date_first(stamp: str) -> str:
    """Return a stamp with its date before the time of day (WhatsApp Web has it behind)."""
    found = _DATE_BEHIND.fullmatch(stamp)
    return f"{found[2]}, {found[1]}" if found else stamp


def has_half(stamp: str) -> bool:
    """Return whether a stamp says which half of the day it means."""
    rest = _IN_DATE.sub("", stamp)
    return bool(_MORNING_WORDS.search(rest) or _AFTERNOON_WORDS.search(rest))


def stamp_times(stamps: Sequence[str], zone: tzinfo | None) -> list[int | None]:
    """Return the points in time of the stamps of one export, in Unix milliseconds.

    An export has the local times of the device that made it: without a time zone, only stamps
    that state one have a time. Whether the day or the month comes first is decided by all stamps
    together.

    Args:
        stamps: the stamps, in order.
        zone: time zone of the record, if it states one.
    """
    if zone is None and not any(map(_ZONED.search, stamps)):
        return [None] * len(stamps)
    order = _date_order(stamps)
    return [_stamp_time(stamp, order, zone) for stamp in stamps]


def _date_order(stamps: Sequence[str]) -> str | None:
    dates = [tuple(map(int, found.groups())) for stamp in stamps if (found := _date_in(stamp))]
    possible: dict[str, list[datetime]] = {}
    for order in _ORDERS:
        moments = [_date(parts, order) for parts in dates]
        if moments and None not in moments:
            possible[order] = [moment for moment in moments if moment is not None]
    ordered = [order for order, moments in possible.items() if moments == sorted(moments)]
    candidates = ordered or list(possible)
    if len(candidates) > 1 and any("." in stamp[:6] for stamp in stamps) and "dmy" in candidates:
        return "dmy"
    if len(candidates) > 1:
        spans = {order: possible[order][-1] - possible[order][0] for order in candidates}
        shortest = min(spans.values())
        candidates = [order for order in candidates if spans[order] == shortest]
    same = {tuple(possible[order]) for order in candidates}
    return candidates[0] if len(same) == 1 else None


def _date_in(stamp: str) -> "re.Match[str] | None":
    return _NUMERIC.match(stamp + " ")


def _date(parts: tuple[int, ...], order: str) -> datetime | None:
    named = dict(zip(order, parts, strict=True))
    year = named["y"]
    if year < 100:
        year += 2000
    elif year < 1900:
        return None
    try:
        return datetime(year, named["m"], named["d"])  # noqa: DTZ001 - a calendar day
    except ValueError:
        return None


def _stamp_time(stamp: str, order: str | None, zone: tzinfo | None) -> int | None:
    if _ZONED.search(stamp):
        return parse_timestamp_ms(stamp)
    if zone is None:
        return None
    found = _date_in(stamp)
    if not found:
        named = any(word[:3].lower() in MONTHS for word in _PARTS.split(stamp))
        return parse_timestamp_ms(stamp, zone) if named else None
    day = _date(tuple(map(int, found.groups())), order) if order else None
    clock = _TIME_OF_DAY.search(stamp, found.end())
    if day is None or clock is None:
        return None
    hour, minute, second = (int(part or 0) for part in clock.groups())
    rest = stamp[found.end() :]
    if _AFTERNOON_WORDS.search(rest):
        hour = hour % 12 + 12
    elif _MORNING_WORDS.search(rest):
        hour %= 12
    try:
        moment = day.replace(hour=hour, minute=minute, second=second, tzinfo=zone)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
