"""Names of months and time zones."""

import re
from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_MONTH_NAMES = (
    # English, German, French, Spanish, Italian, Portuguese, Dutch, Danish, Norwegian, Swedish,
    # Polish, Czech, Russian, Ukrainian, Turkish, Finnish, Hungarian, Romanian. Not here are names
    # of two months, such as listopada, which is October in Croatian and November in Polish.
    (
        "jan january januar janvier janv enero ene gennaio gen janeiro januari stycznia sty ledna "
        "led \u044f\u043d\u0432\u0430\u0440\u044f \u044f\u043d\u0432 "
        "\u0441\u0456\u0447\u043d\u044f \u0441\u0456\u0447 ocak oca tammikuuta janu\u00e1r "
        "ianuarie ian j\u00e4nner"
    ),
    (
        "feb february februar f\u00e9vrier f\u00e9vr febrero febbraio fevereiro fev februari "
        "lutego lut \u00fanora \u00fano \u0444\u0435\u0432\u0440\u0430\u043b\u044f "
        "\u0444\u0435\u0432 \u0444\u0435\u0432\u0440 \u043b\u044e\u0442\u043e\u0433\u043e "
        "\u043b\u044e\u0442 \u015fubat \u015fub helmikuuta febru\u00e1r febr februarie"
    ),
    (
        "mar march m\u00e4rz m\u00e4r mars marzo mar\u00e7o maart mrt marts marca b\u0159ezna "
        "b\u0159e \u043c\u0430\u0440\u0442\u0430 \u043c\u0430\u0440 "
        "\u0431\u0435\u0440\u0435\u0437\u043d\u044f \u0431\u0435\u0440 mart maaliskuuta "
        "m\u00e1rcius m\u00e1rc martie"
    ),
    (
        "apr april avril avr abril abr aprile kwietnia kwi dubna dub "
        "\u0430\u043f\u0440\u0435\u043b\u044f \u0430\u043f\u0440 "
        "\u043a\u0432\u0456\u0442\u043d\u044f \u043a\u0432\u0456 nisan nis huhtikuuta "
        "\u00e1prilis \u00e1pr aprilie"
    ),
    (
        "may mai mayo maggio mag maio mei maj maja kv\u011btna kv\u011b \u043c\u0430\u044f "
        "\u0442\u0440\u0430\u0432\u043d\u044f \u0442\u0440\u0430 may\u0131s toukokuuta m\u00e1jus "
        "m\u00e1j"
    ),
    (
        "jun june juni juin junio giugno giu junho czerwca cze \u010dervna \u010dvn "
        "\u0438\u044e\u043d\u044f \u0438\u044e\u043d \u0447\u0435\u0440\u0432\u043d\u044f "
        "\u0447\u0435\u0440 haziran haz kes\u00e4kuuta j\u00fanius j\u00fan iunie"
    ),
    (
        "jul july juli juillet juil julio luglio lug julho lipca lip \u010dervence \u010dvc "
        "\u0438\u044e\u043b\u044f \u0438\u044e\u043b \u043b\u0438\u043f\u043d\u044f "
        "\u043b\u0438\u043f temmuz tem hein\u00e4kuuta j\u00falius j\u00fal iulie"
    ),
    (
        "aug august ao\u00fbt agosto ago augustus augusti sierpnia sie srpna srp "
        "\u0430\u0432\u0433\u0443\u0441\u0442\u0430 \u0430\u0432\u0433 "
        "\u0441\u0435\u0440\u043f\u043d\u044f \u0441\u0435\u0440 a\u011fustos a\u011fu elokuuta "
        "augusztus"
    ),
    (
        "sep september sept septembre septiembre settembre set setembro wrze\u015bnia wrz "
        "z\u00e1\u0159\u00ed z\u00e1\u0159 \u0441\u0435\u043d\u0442\u044f\u0431\u0440\u044f "
        "\u0441\u0435\u043d \u0441\u0435\u043d\u0442 \u0432\u0435\u0440\u0435\u0441\u043d\u044f "
        "\u0432\u0435\u0440 eyl\u00fcl eyl syyskuuta szeptember szept septembrie"
    ),
    (
        "oct october oktober okt octobre octubre ottobre ott outubro out pa\u017adziernika "
        "pa\u017a \u0159\u00edjna \u0159\u00edj \u043e\u043a\u0442\u044f\u0431\u0440\u044f "
        "\u043e\u043a\u0442 \u0436\u043e\u0432\u0442\u043d\u044f \u0436\u043e\u0432 ekim eki "
        "lokakuuta okt\u00f3ber octombrie"
    ),
    (
        "nov november novembre noviembre novembro listopadu \u043d\u043e\u044f\u0431\u0440\u044f "
        "\u043d\u043e\u044f \u043d\u043e\u044f\u0431 "
        "\u043b\u0438\u0441\u0442\u043e\u043f\u0430\u0434\u0430 \u043b\u0438\u0441 kas\u0131m kas "
        "marraskuuta noiembrie noi"
    ),
    (
        "dec december dezember dez d\u00e9cembre d\u00e9c diciembre dic dicembre dezembro "
        "desember grudnia gru prosince pro \u0434\u0435\u043a\u0430\u0431\u0440\u044f "
        "\u0434\u0435\u043a \u0433\u0440\u0443\u0434\u043d\u044f \u0433\u0440\u0443 aral\u0131k "
        "ara joulukuuta decembrie"
    ),
)
MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
"""Number of a month by its name or abbreviation in lower case."""

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
