"""Sections are cleaned, counted and cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everlake.attachments.extraction.text_builder import (
    FORBIDDEN_CHARACTERS,
    TextBuilder,
    TextLimitReached,
    clean_text,
)


@given(st.text(st.characters()))
def test_a_cleaned_text_has_nothing_unwanted_and_stays_as_it_is(text: str) -> None:
    once = clean_text(text)

    assert not FORBIDDEN_CHARACTERS.search(once)
    assert not any(line != line.rstrip(" \t") for line in once.split("\n"))
    assert clean_text(once) == once
    once.encode()


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a \t \n\n\n\n b ", "a\n\n b"),
        ("\ufeffa\x00\x1b[2J\ud800b", "a[2Jb"),
        ("\U0001f469\u200d\U0001f680 \ufffd", "\U0001f469\u200d\U0001f680 \ufffd"),
    ],
)
def test_line_ends_space_and_control_characters(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@given(st.lists(st.text(max_size=20), max_size=10), st.integers(0, 60))
def test_never_more_is_kept_than_may_be(texts: list[str], most: int) -> None:
    gathered = TextBuilder(most)

    try:
        for text in texts:
            gathered.add(text, "page 1")
    except TextLimitReached:
        gathered.truncated = True

    kept = gathered.build()
    assert sum(len(one.text) for one in kept.sections) <= most
    if not kept.truncated:
        assert [one.text for one in kept.sections] == [
            clean_text(text) for text in texts if clean_text(text)
        ]


def test_a_place_is_one_short_line() -> None:
    gathered = TextBuilder(10)
    gathered.add("a", "sheet\n" + "x" * 500)

    (section,) = gathered.build().sections
    assert section.place is not None
    assert section.place.startswith("sheet xx")
    assert len(section.place) == 200
