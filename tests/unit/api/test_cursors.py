"""Page cursors."""

import base64

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from everlake.api.cursors import CursorCodec
from everlake.contract.errors import ErrorCode, WireError

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
CURSORS = CursorCodec("batches")


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@settings(deadline=None)
@given(texts, texts)
def test_a_cursor_gives_its_position_back(workspace_id: str, position: str) -> None:
    cursor = CURSORS.encode(workspace_id, position)

    assert CURSORS.decode(workspace_id, cursor) == position
    assert cursor.isascii()
    assert set(cursor).isdisjoint("+/=&?#% ")


def test_no_cursor_is_no_position() -> None:
    assert CURSORS.decode("ws", None) is None


@given(st.text(min_size=1, max_size=300) | st.binary(min_size=1, max_size=200).map(text_of))
@example("A")
@example("AAAAAAAAAAA")
@example("AAAAAAAAAAA=")
@example("é")
def test_a_cursor_that_this_server_did_not_make_is_refused(text: str) -> None:
    with pytest.raises(WireError) as error:
        CURSORS.decode("ws", text)

    assert error.value.code is ErrorCode.INVALID_PARAMETER
    assert error.value.message == ("cursor must be the nextCursor of an earlier page of this list.")


@settings(deadline=None)
@given(texts, st.data())
def test_a_cursor_with_one_character_changed_is_refused(position: str, data: st.DataObject) -> None:
    cursor = CURSORS.encode("ws", position)
    place = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda one: one != cursor[place]))

    with pytest.raises(WireError):
        CURSORS.decode("ws", cursor[:place] + other + cursor[place + 1 :])


@given(texts)
def test_a_cursor_is_of_no_use_for_another_workspace_or_another_list(position: str) -> None:
    cursor = CURSORS.encode("ws_1", position)

    with pytest.raises(WireError):
        CURSORS.decode("ws_2", cursor)
    with pytest.raises(WireError):
        CursorCodec("records").decode("ws_1", cursor)


def test_a_cursor_longer_than_the_contract_allows_is_refused() -> None:
    with pytest.raises(WireError):
        CURSORS.decode("ws", CURSORS.encode("ws", "x" * 200))
