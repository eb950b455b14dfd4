"""Query parameters and cursors."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from everlake.api import query
from everlake.api.query import CursorCodec
from everlake.contract.errors import ErrorCode, WireError

texts = st.text(max_size=20)
CURSORS = CursorCodec("batches")


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refused(error: pytest.ExceptionInfo[WireError], name: str) -> bool:
    found = error.value
    return found.code is ErrorCode.INVALID_PARAMETER and found.message.startswith(name + " ")


@given(st.integers(1, 100))
def test_a_limit_is_a_whole_number_from_1_to_100(number: int) -> None:
    assert query.parse_page_size({"limit": str(number)}) == number


def test_a_limit_is_20_where_none_is_given() -> None:
    assert query.parse_page_size({}) == 20


@pytest.mark.parametrize(
    "text", ["", "0", "101", "-1", "+1", "1.0", " 1", "1 ", "1e1", "٣", "²", "9" * 5_000, "ten"]
)
def test_any_other_limit_is_refused(text: str) -> None:
    with pytest.raises(WireError) as error:
        query.parse_page_size({"limit": text})

    assert refused(error, "limit")


@pytest.mark.parametrize("text", ["", "True", "1", "yes", " true"])
def test_a_flag_is_true_or_false_and_nothing_else(text: str) -> None:
    assert query.parse_flag({"dry_run": "true"}, "dry_run")
    assert not query.parse_flag({"dry_run": "false"}, "dry_run")
    assert not query.parse_flag({}, "dry_run")
    with pytest.raises(WireError) as error:
        query.parse_flag({"dry_run": text}, "dry_run")
    assert refused(error, "dry_run")


def test_a_choice_is_one_of_its_values() -> None:
    values = ("text", "audio", "video")

    assert query.parse_choice({"format": "audio"}, "format", values) == "audio"
    assert query.parse_choice({}, "format", values) is None
    with pytest.raises(WireError) as error:
        query.parse_choice({"format": "Audio"}, "format", values)
    assert refused(error, "format")
    assert error.value.message == "format must be text, audio or video."


def test_a_text_has_1_to_its_most_characters() -> None:
    assert query.parse_text({"tag": "😀" * 64}, "tag", 64) == "😀" * 64
    assert query.parse_text({}, "tag", 64) is None
    for value in ("", "x" * 65):
        with pytest.raises(WireError) as error:
            query.parse_text({"tag": value}, "tag", 64)
        assert refused(error, "tag")


def test_a_moment_has_the_form_of_event_times() -> None:
    assert query.parse_time({"since": "2026-03-01T10:00:00.5Z"}, "since") == datetime(
        2026, 3, 1, 10, tzinfo=UTC
    )
    assert query.parse_time({}, "since") is None
    with pytest.raises(WireError) as error:
        query.parse_time({"since": "2026-03-01"}, "since")
    assert refused(error, "since")


@settings(deadline=None)
@given(texts, texts)
def test_a_cursor_gives_its_position_back(workspace_id: str, position: str) -> None:
    cursor = CURSORS.encode(workspace_id, position)

    assert CURSORS.decode(workspace_id, {"cursor": cursor}) == position
    assert cursor.isascii()
    assert set(cursor).isdisjoint("+/=&?#% ")


def test_no_cursor_is_no_position() -> None:
    assert CURSORS.decode("ws", {}) is None


@given(st.text(max_size=300) | st.binary(max_size=200).map(text_of))
@example("")
@example("A")
@example("AAAAAAAAAAA")
@example("AAAAAAAAAAA=")
@example("é")
def test_a_cursor_that_this_server_did_not_make_is_refused(text: str) -> None:
    with pytest.raises(WireError) as error:
        CURSORS.decode("ws", {"cursor": text})

    assert refused(error, "cursor")


@settings(deadline=None)
@given(texts, st.data())
def test_a_cursor_with_one_character_changed_is_refused(position: str, data: st.DataObject) -> None:
    cursor = CURSORS.encode("ws", position)
    place = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda one: one != cursor[place]))

    with pytest.raises(WireError):
        CURSORS.decode("ws", {"cursor": cursor[:place] + other + cursor[place + 1 :]})


@given(texts)
def test_a_cursor_is_of_no_use_for_another_workspace_or_another_list(position: str) -> None:
    cursor = CURSORS.encode("ws_1", position)

    with pytest.raises(WireError):
        CURSORS.decode("ws_2", {"cursor": cursor})
    with pytest.raises(WireError):
        CursorCodec("records").decode("ws_1", {"cursor": cursor})


def test_a_cursor_longer_than_the_contract_allows_is_refused() -> None:
    with pytest.raises(WireError):
        CURSORS.decode("ws", {"cursor": CURSORS.encode("ws", "x" * 200)})
