"""Timestamps, and which of an object's times is the one at which something was said."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everlake.analysis.timestamps import (
    format_rfc3339,
    normalize_timestamp,
    parse_offset_ms,
    parse_timestamp_ms,
)
from everlake.analysis.utterances import extract_utterances


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2024-04-05T19:34:38Z", "2024-04-05T19:34:38Z"),
        ("2024-04-05T21:34:38.5+02:00", "2024-04-05T19:34:38.500Z"),
        ("2024-04-05 19:34:38", "2024-04-05T19:34:38Z"),
        ("2024-04-05", "2024-04-05T00:00:00Z"),
        ("Fri, 5 Apr 2024 21:34:38 +0200", "2024-04-05T19:34:38Z"),
        (1712345678, "2024-04-05T19:34:38Z"),
        (1712345678123, "2024-04-05T19:34:38.123Z"),
        (1712345678123456, "2024-04-05T19:34:38.123Z"),
        ("1712345678.000200", "2024-04-05T19:34:38Z"),
        ("1712345678123", "2024-04-05T19:34:38.123Z"),
        ("2024-02-30T00:00:00Z", None),
        ("0001-01-01T00:00:00+23:00", None),
        (
            "Thu May 02 2024 09:00:00 GMT+0200 (Central European Summer Time)",
            "2024-05-02T07:00:00Z",
        ),
        ("Thu May 02 2024 09:00:00 GMT-0330 (GMT-03:30)", "2024-05-02T12:30:00Z"),
        ("Thu, 2 May 2024 09:00:00 -0000", "2024-05-02T09:00:00Z"),
        ("2 May 2024 09:00 EST", "2024-05-02T14:00:00Z"),
        ("Thursday, 02-May-24 09:00:00 GMT", "2024-05-02T09:00:00Z"),
        ("Thu May  2 09:00:00 2024", "2024-05-02T09:00:00Z"),
        ("Thu May 02 09:00:00 +0000 2024", "2024-05-02T09:00:00Z"),
        ("May 2, 2024 at 12:01:11\u202fAM PDT", "2024-05-02T07:01:11Z"),
        ("2024-05-02T09:00:00,123456789Z", "2024-05-02T09:00:00.123Z"),
        ("2024-05-02 09:00:00 UTC", "2024-05-02T09:00:00Z"),
        ("2024-05-02 09:00:00+00", "2024-05-02T09:00:00Z"),
        ("2024-05-02 09:00:00 +0200 CEST m=+0.012", "2024-05-02T07:00:00Z"),
        ("20240502T090000Z", "2024-05-02T09:00:00Z"),
        ("20240502T0900+0530", "2024-05-02T03:30:00Z"),
        ("20240502", "2024-05-02T00:00:00Z"),
        ("02.05.2024, 09:01", "2024-05-02T09:01:00Z"),
        ("5/23/2024, 9:01:11 PM", "2024-05-23T21:01:11Z"),
        ("/Date(1714640400000+0200)/", "2024-05-02T09:00:00Z"),
        (1712345678123456789, "2024-04-05T19:34:38.123Z"),
        ("3. M\u00e4rz 2026 10:11 Uhr", "2026-03-03T10:11:00Z"),
        ("Dienstag, den 3. M\u00e4rz 2026 um 10:11", "2026-03-03T10:11:00Z"),
        ("3 mars 2026 \u00e0 10:11", "2026-03-03T10:11:00Z"),
        ("3 ao\u00fbt 2026", "2026-08-03T00:00:00Z"),
        ("3 de marzo de 2026 10:11", "2026-03-03T10:11:00Z"),
        ("ter\u00e7a-feira, 3 de mar\u00e7o de 2026 \u00e0s 10:11", "2026-03-03T10:11:00Z"),
        ("marted\u00ec 3 marzo 2026 10:11", "2026-03-03T10:11:00Z"),
        ("3 mrt. 2026 10:11", "2026-03-03T10:11:00Z"),
        ("3. mars 2026 kl. 10:11", "2026-03-03T10:11:00Z"),
        ("3 \u043c\u0430\u0440\u0442\u0430 2026 \u0433. 10:11", "2026-03-03T10:11:00Z"),
        ("2026\u5e743\u67083\u65e5 10:11", "2026-03-03T10:11:00Z"),
        ("2026\ub144 3\uc6d4 3\uc77c \uc624\ud6c4 1:11", "2026-03-03T13:11:00Z"),
        ("2026\u5e743\u67083\u65e5(\u706b) \u5348\u524d10:11", "2026-03-03T10:11:00Z"),
        ("2026-03-03 10:11:00 Europe/Berlin", "2026-03-03T09:11:00Z"),
        ("2026-03-03T10:11:00[Europe/Berlin]", "2026-03-03T09:11:00Z"),
        ("2026-03-03T10:11:00+02:00[Europe/Helsinki]", "2026-03-03T08:11:00Z"),
        ("2026-03-03T10:11:00Z[UTC]", "2026-03-03T10:11:00Z"),
        ("2026-03-03T24:00:00Z", "2026-03-04T00:00:00Z"),
        ("2026-03-03T10:11:60Z", "2026-03-03T10:11:59Z"),
        (134170062600000000, "2026-03-03T10:11:00Z"),
        (639081294600000000, "2026-03-03T10:11:00Z"),
        ("2026-03-03T24:01:00Z", None),
        ("2026-03-03T10:11:61Z", None),
        ("3 listopada 2026", None),
        ("3 Menschen 2026 10:11", None),
        ("02/05/2024 09:01", None),
        ("2024-05-02 09:01:11 IST", None),
        ("Thu, 31 Jun 2024 09:00:00 +0200", None),
        ("2024-05-02T25:00:00Z", None),
        ("2024-05-02 13:01 PM", None),
        ("next Monday", None),
        (float("inf"), None),
        (float("nan"), None),
        (-5, None),
        (12, None),
        (10**30, None),
        (True, None),
        (None, None),
    ],
)
def test_timestamps_become_rfc_3339_in_utc(value: object, moment: str | None) -> None:
    assert normalize_timestamp(value) == moment


def test_offsets_are_seconds_milliseconds_or_clocks() -> None:
    assert parse_offset_ms(1.5) == 1500
    assert parse_offset_ms(1500, milliseconds=True) == 1500
    assert parse_offset_ms("01:02:03.5") == 3_723_500
    assert parse_offset_ms("2:03") == 123_000
    assert parse_offset_ms("12.5") == 12_500
    assert parse_offset_ms("soon") is None
    assert parse_offset_ms(float("nan")) is None
    assert parse_offset_ms(-1) is None


@given(st.one_of(st.text(), st.integers(), st.floats()))
def test_any_number_gives_a_valid_timestamp_or_none(value: object) -> None:
    ms = parse_timestamp_ms(value)
    if ms is not None:
        written = format_rfc3339(ms)
        assert written is None or parse_timestamp_ms(written) == ms


SENT, OTHER = "2024-05-02T09:00:00Z", "2024-05-03T10:00:00Z"


def said_at(data: dict[str, Any]) -> str | None:
    (one,) = extract_utterances("message", json.dumps(data).encode())
    assert one.text == "It stops"
    return one.said_at


@pytest.mark.parametrize(
    "name",
    [
        "repliedAt",
        "read_at",
        "deliveredAt",
        "edited_at",
        "deletedAt",
        "createdAt",
        "last_reply_at",
        "createdDateTime",
        "updated_at",
        "receivedDateTime",
        "lastEditedDateTime",
        "Response Timestamp",
    ],
)
@pytest.mark.parametrize("sent", ["sentAt", "sent_at", "sentDateTime", "date", "at"])
def test_the_time_of_sending_precedes_all_others(sent: str, name: str) -> None:
    assert said_at({"text": "It stops", name: OTHER, sent: SENT}) == SENT


@pytest.mark.parametrize(
    "name", ["repliedAt", "read_at", "deliveredAt", "edited_at", "deletedAt", "closed_at"]
)
def test_the_time_of_another_event_is_no_time_of_saying(name: str) -> None:
    assert said_at({"from": "Mira", "text": "It stops", name: OTHER}) is None


@pytest.mark.parametrize(
    ("data", "moment"),
    [
        ({"timezone": "Europe/Berlin"}, "2024-05-02T07:00:00Z"),
        ({"time_zone": "America/New_York"}, "2024-05-02T13:00:00Z"),
        ({"tz": "+05:30"}, "2024-05-02T03:30:00Z"),
        ({"timeZone": "UTC"}, SENT),
        ({"timezone": "Middle/Nowhere"}, SENT),
        ({}, SENT),
    ],
)
def test_a_local_time_is_of_the_stated_time_zone(data: dict[str, Any], moment: str) -> None:
    message = {"from": "Mira", "text": "It stops", "date": "2024-05-02 09:00:00"}
    assert said_at(message | data) == moment
    assert said_at({"messages": [message]} | data) == moment


@pytest.mark.parametrize(
    "time",
    [
        {"$date": SENT},
        {"seconds": 1714640400, "nanoseconds": 0},
        {"dateTime": "2024-05-02T11:00:00", "timeZone": "Europe/Berlin"},
    ],
)
def test_an_object_that_is_a_time_is_read(time: dict[str, Any]) -> None:
    assert said_at({"from": "Mira", "text": "It stops", "created": time}) == SENT


@pytest.mark.parametrize(
    "times",
    [
        {"date": "2024-05-02", "time": "09:00"},
        {"date": "5/23/2024", "time": "9:00 AM"},
        {"date": "2024-05-02", "created_at": SENT},
        {"date": "2024-05-02T11:00:00", "date_unixtime": "1714640400"},
        {"timestamp_ms": 1714640400000, "created_at": OTHER},
    ],
)
def test_the_most_precise_statement_of_one_time_counts(times: dict[str, Any]) -> None:
    moment = said_at({"from": "Mira", "text": "It stops"} | times)
    assert moment == SENT.replace("05-02", "05-23" if "/" in str(times) else "05-02")


def test_an_impossible_date_is_neither_a_time_nor_said() -> None:
    assert said_at({"from": "Mira", "text": "It stops", "date": "2024-02-30 10:00"}) is None


def test_a_place_is_not_lost() -> None:
    data = {"from": "Mira", "text": "It stops", "at": "office"}
    assert [x.text for x in extract_utterances("message", json.dumps(data).encode())] == [
        "It stops",
        "office",
    ]
