"""The one form of ``_event_at``."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everlake.contract.envelope import are_canonical_times, canonical_event_at, canonical_type

FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z", re.ASCII)


def exists(second: str) -> bool:
    try:
        datetime.strptime(second, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


@settings(deadline=None)
@given(st.datetimes(), st.text("0123456789", max_size=3))
def test_a_time_in_the_right_form_is_cut_to_its_second(moment: datetime, digits: str) -> None:
    second = moment.replace(microsecond=0).isoformat()
    fraction = "." + digits if digits else ""

    assert canonical_event_at(second + fraction + "Z") == second + "Z"


def test_a_fraction_is_cut_and_not_rounded() -> None:
    assert canonical_event_at("2026-12-31T23:59:59.999Z") == "2026-12-31T23:59:59Z"


@settings(max_examples=400, deadline=None)
@given(
    st.from_regex(FORM, fullmatch=True)
    | st.text("0123456789-:.TtZz+ \u0661\n", min_size=15, max_size=26)
    | st.text(max_size=26)
)
def test_a_text_is_taken_just_where_it_has_the_form_and_the_time_exists(text: str) -> None:
    right = FORM.fullmatch(text) is not None and exists(text[:19])

    assert canonical_event_at(text) == (text[:19] + "Z" if right else None)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.from_regex(FORM, fullmatch=True)
        | st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat() + "Z")
        | st.text("0123456789-:.TtZz+ \u0661\n", min_size=19, max_size=21),
        min_size=1,
        max_size=4,
    )
)
def test_many_texts_are_checked_as_each_by_itself(texts: list[str]) -> None:
    one_by_one = all(canonical_event_at(text) == text for text in texts)

    assert are_canonical_times(texts) == one_by_one


@given(st.datetimes(), st.text("0123456789", max_size=3))
def test_what_is_canonical_stays_as_it_is(moment: datetime, digits: str) -> None:
    once = canonical_event_at(moment.replace(microsecond=0).isoformat() + "Z")

    assert once is not None
    assert canonical_event_at(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "2026-03-01T10:00:00",
        "2026-03-01T10:00:00z",
        "2026-03-01t10:00:00Z",
        "2026-03-01 10:00:00Z",
        "2026-03-01T10:00:00+00:00",
        "2026-03-01T10:00:00.Z",
        "2026-03-01T10:00:00.1234Z",
        "2026-03-01T10:00:00,5Z",
        "2026-03-01T10:00:00.1\nZ",
        "2026-03-01T10:00:00Z\n",
        "2026-03-01T10:00Z",
        "20260301T100000Z",
        "2026-W09-7T10:00:00Z",
        "\u0662\u0660\u0662\u0666-03-01T10:00:00Z",
        "2026-03-01T10:00:00.\u0665Z",
        "",
    ],
)
def test_any_other_type_is_rejected(text: str) -> None:
    assert canonical_event_at(text) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [("email", "email"), (" Email_Thread\n", "email_thread"), ("e mail", None), ("", None)],
)
def test_a_type_is_compared_after_trimming_and_lower_casing(text: str, name: str | None) -> None:
    assert canonical_type(text) == name
