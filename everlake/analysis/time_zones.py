"""Names of months and time zones."""

import re
from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

MONTHS = {
    name: index % 12 + 1
    for index, name in enumerate(
        (
            *("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
            *("january", "february", "march", "april", "may", "june", "july", "august"),
            *("september", "october", "november", "december"),
        )
    )
} | {"sept": 9}

ZONE_OFFSET_HOURS: dict[str, float] = {
    **dict.fromkeys(("Z", "UT", "UTC", "GMT", "WET"), 0),
    **dict.fromkeys(("CET", "WEST", "MEZ"), 1),
    **dict.fromkeys(("CEST", "EET", "MESZ"), 2),
    **dict.fromkeys(("EEST", "MSK"), 3),
    "SGT": 8,
    "HKT": 8,
    "AWST": 8,
    "JST": 9,
    "KST": 9,
    "ACST": 9.5,
    "ACDT": 10.5,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
    "WIB": 7,
    "ICT": 7,
    "NPT": 5.75,
    "EST": -5,
    "EDT": -4,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "CST": -6,
    "PST": -8,
    "PDT": -7,
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
    "BRT": -3,
    "CLT": -4,
    "SAST": 2,
}
"""Hours east of UTC. Not here are abbreviations of several zones, such as IST and BST; those of
North America mean what RFC 5322 says."""

_IANA_NAME = re.compile(r"[A-Z][A-Za-z_]{1,20}(?:/[A-Z][A-Za-z_+0-9-]{1,30}){1,2}")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?")


def find_zone(name: str) -> tzinfo | None:
    """Return the time zone of an IANA name (``Europe/Berlin``), an offset or an abbreviation."""
    name = name.strip()
    if _IANA_NAME.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            return None
    offset = _OFFSET.fullmatch(name)
    if offset:
        hours, minutes = int(offset[2]), int(offset[3] or 0)
        if hours > 23 or minutes > 59:
            return None
        east = timedelta(hours=hours, minutes=minutes)
        return timezone(-east if offset[1] == "-" else east)
    hours_east = ZONE_OFFSET_HOURS.get(name)
    if hours_east is None:
        return None
    return timezone(timedelta(hours=hours_east)) if hours_east else UTC
