"""The splitter against msgspec, which wants a whole text at once."""

import json
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from everlake.client.json_splitter import JsonSplitter, SplitValue

LONGEST = 1_000_000

_TEXT = st.text(alphabet=st.sampled_from('ab"\\,[]{}: \n_é\U0001f600'), max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)
_RECORD = st.dictionaries(st.sampled_from(["_type", "_tags", "data", "x"]), _JSON, min_size=1)
_ELEMENTS = st.lists(_RECORD | _JSON, max_size=8)
_SPACES = st.text(alphabet=" \t\r\n", max_size=3)
_CUTS = st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=30)


@st.composite
def _arrays(draw: st.DrawFn) -> bytes:
    """The text of an array with white space in any place that JSON has for it."""
    texts = [
        json.dumps(
            element,
            ensure_ascii=draw(st.booleans()),
            indent=draw(st.sampled_from([None, 0, 2])),
        )
        for element in draw(_ELEMENTS)
    ]
    spaced = [draw(_SPACES) + text + draw(_SPACES) for text in texts]
    return f"[{','.join(spaced) or draw(_SPACES)}]".encode()


def in_blocks(text: bytes, cuts: list[int]) -> list[bytes]:
    blocks: list[bytes] = []
    number = 0
    while text:
        size = cuts[number % len(cuts)]
        blocks.append(text[:size])
        text = text[size:]
        number += 1
    return blocks


def split(splitter: JsonSplitter, blocks: list[bytes]) -> list[SplitValue]:
    values = [value for block in blocks for value in splitter.feed(block)]
    return [*values, *splitter.finish()]


@settings(deadline=None)
@given(_arrays(), _CUTS)
def test_an_array_is_parted_as_msgspec_does_wherever_its_blocks_end(
    text: bytes, cuts: list[int]
) -> None:
    splitter = JsonSplitter(array=True, line=1, max_bytes=LONGEST)

    values = split(splitter, in_blocks(text[1:], cuts))

    expected = [bytes(raw) for raw in msgspec.json.decode(text, type=list[Raw])]
    assert [value.text for value in values] == expected
    assert splitter.ended
    assert splitter.trailing == b""


@settings(deadline=None)
@given(_arrays())
def test_an_array_in_one_block_is_parted_as_msgspec_does(text: bytes) -> None:
    splitter = JsonSplitter(array=True, line=1, max_bytes=LONGEST)

    values = split(splitter, [text[1:]])

    assert [value.text for value in values] == [
        bytes(raw) for raw in msgspec.json.decode(text, type=list[Raw])
    ]


@settings(deadline=None)
@given(_arrays(), _CUTS)
def test_the_line_of_a_value_is_that_of_its_first_byte(text: bytes, cuts: list[int]) -> None:
    values = split(JsonSplitter(array=True, line=1, max_bytes=LONGEST), in_blocks(text[1:], cuts))

    at = 0
    for value in values:
        assert value.text is not None
        at = text.index(value.text, at + 1 if at == 0 else at)
        assert value.line == 1 + text.count(b"\n", 0, at)
        at += len(value.text)


@settings(deadline=None)
@given(st.lists(st.dictionaries(_TEXT, _JSON), max_size=6), _CUTS)
def test_texts_one_behind_the_other_are_parted_at_their_ends(
    objects: list[dict[str, Any]], cuts: list[int]
) -> None:
    texts = [json.dumps(each, indent=2).encode() for each in objects]

    values = split(
        JsonSplitter(array=False, line=1, max_bytes=LONGEST), in_blocks(b"\n".join(texts), cuts)
    )

    assert [value.text for value in values] == texts


@settings(deadline=None)
@given(st.binary(max_size=200), _CUTS)
@example(b"] a \r\n b ", [1])
def test_any_text_is_split_in_the_same_way_wherever_its_blocks_end(
    text: bytes, cuts: list[int]
) -> None:
    for array in (True, False):
        at_once = JsonSplitter(array=array, line=1, max_bytes=50)
        in_parts = JsonSplitter(array=array, line=1, max_bytes=50)
        assert split(at_once, [text]) == split(in_parts, in_blocks(text, cuts))
        assert at_once.trailing == in_parts.trailing


def test_a_value_that_is_not_json_leaves_the_others_whole() -> None:
    text = b'{"_a": 1}, {"_a": oops}, , {"_a": 2} {"_b": 3}, {"_a": 4}]'

    values = split(JsonSplitter(array=True, line=1, max_bytes=LONGEST), [text])

    assert [value.text for value in values] == [
        b'{"_a": 1}',
        b'{"_a": oops}',
        b"",
        b'{"_a": 2} {"_b": 3}',
        b'{"_a": 4}',
    ]


def test_a_value_that_is_too_long_has_its_line_and_the_next_is_found() -> None:
    long = b'{"_a":\n"' + b"x\\\\" * 500 + b'"\n}'

    for size in (10, 100_000):
        blocks = in_blocks(b"1,\n" + long + b"\n,\n2]", [size])
        values = split(JsonSplitter(array=True, line=1, max_bytes=100), blocks)
        assert values == [SplitValue(b"1", 1), SplitValue(None, 2), SplitValue(b"2", 6)]


def test_text_after_an_array_is_kept_apart() -> None:
    splitter = JsonSplitter(array=True, line=1, max_bytes=LONGEST)

    values = split(splitter, [b"1, 2] ", b"x"])

    assert [value.text for value in values] == [b"1", b"2"]
    assert splitter.trailing == b"x"


def test_a_value_in_which_the_text_ends_comes_last() -> None:
    splitter = JsonSplitter(array=True, line=1, max_bytes=LONGEST)

    values = split(splitter, [b'1,\n{"a": "b'])

    assert values == [SplitValue(b"1", 1), SplitValue(b'{"a": "b', 2)]
    assert not splitter.ended
