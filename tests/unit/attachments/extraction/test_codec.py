"""A file's text as an object: what goes in comes out, and damage never goes unseen."""

from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from everlake.attachments.extraction import (
    AttachmentText,
    TextDamaged,
    TextKind,
    TextSection,
    codec,
    decode,
    encode,
)

TEXT = AttachmentText(
    kind=TextKind.PROSE,
    sections=(TextSection("Grüße\n😀", "page 1"), TextSection("b")),
    truncated=True,
)

plain = st.text(st.characters(exclude_categories=["Cs"]))
texts = st.builds(
    AttachmentText,
    kind=st.sampled_from(TextKind),
    sections=st.lists(st.builds(TextSection, plain, st.none() | plain), max_size=5).map(tuple),
    truncated=st.booleans(),
)


@given(texts)
def test_every_text_comes_back(text: AttachmentText) -> None:
    assert decode(encode(text)) == text


@given(st.data())
def test_an_object_with_a_byte_changed_is_damaged_or_the_same(data: st.DataObject) -> None:
    blob = bytearray(encode(TEXT))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))

    with suppress(TextDamaged):
        assert decode(bytes(blob)) == TEXT


@pytest.mark.parametrize("cut", range(0, len(encode(TEXT)), 7))
def test_an_object_cut_off_is_damaged(cut: int) -> None:
    with pytest.raises(TextDamaged):
        decode(encode(TEXT)[:cut])


def test_bytes_behind_the_object_are_damage() -> None:
    with pytest.raises(TextDamaged, match="bytes after it"):
        decode(encode(TEXT) + b"x")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"kind":"other","sections":[]}', b"\xff"])
def test_another_content_is_damaged(content: bytes) -> None:
    with pytest.raises(TextDamaged, match="not the text of a file"):
        decode(zstandard.compress(content))


def test_an_object_that_grows_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_BYTES", 1_000_000)

    with pytest.raises(TextDamaged, match="longer than any text"):
        decode(zstandard.compress(b" " * 50_000_000))
