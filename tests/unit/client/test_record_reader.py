import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from everlake.client.record_reader import on_one_line

_JSON = st.recursive(
    st.none() | st.integers() | st.text(alphabet='ab"\\\n\r\u2028é'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def is_one_line(text: bytes) -> bool:
    return b"\n" not in text and b"\r" not in text


@settings(deadline=None)
@given(_JSON, st.sampled_from([None, 0, 3]), st.sampled_from(["\n", "\r\n", "\r"]))
def test_json_on_one_line_is_the_same_json(value: Any, indent: int | None, end: str) -> None:
    text = json.dumps(value, indent=indent).replace("\n", end).encode()

    line = on_one_line(text)

    assert is_one_line(line)
    assert json.loads(line) == value
    assert len(line) == len(text)


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='"\\\n\rx').map(str.encode))
def test_what_is_not_json_stands_on_one_line_too(text: bytes) -> None:
    assert is_one_line(on_one_line(text))


def test_a_line_break_in_a_string_becomes_its_escape() -> None:
    assert on_one_line(b'{"a":\n"b\nc"}') == b'{"a": "b\\nc"}'
