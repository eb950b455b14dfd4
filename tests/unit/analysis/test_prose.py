"""Normalising and splitting text, HTML and quotations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everlake.analysis.mail import split_quotes
from everlake.analysis.prose import (
    CoverageIndex,
    is_machine_text,
    normalize_text,
    split_text,
)
from everlake.markup import decode_entities, html_to_text, looks_like_html
from everlake.model.utterances import MAX_TEXT_LENGTH


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  two   words ", "two words"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a \n\n \n\t\n b", "a\n\nb"),
        ("nul\x00 bell\x07 bom\ufeff", "nul bell bom"),
        ("no\u00a0break", "no break"),
        ("half \ud83d pair", "half \ufffd pair"),
        (
            "family \U0001f468\u200d\U0001f469\u200d\U0001f467",
            "family \U0001f468\u200d\U0001f469\u200d\U0001f467",
        ),
        ("\x01\x02", ""),
    ],
)
def test_clean_text_has_no_stray_space_or_control_characters(text: str, cleaned: str) -> None:
    assert normalize_text(text) == cleaned


@given(st.text())
def test_normalising_is_idempotent(text: str) -> None:
    once = normalize_text(text)
    assert normalize_text(once) == once
    once.encode()


@given(st.text(alphabet="ab .\n。", min_size=0, max_size=9_000))
def test_split_text_is_bounded_and_complete(text: str) -> None:
    pieces = split_text(text)
    assert all(0 < len(piece) <= MAX_TEXT_LENGTH for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_text_is_split_between_paragraphs_before_sentences_before_words() -> None:
    words = "word " * 200
    assert split_text(f"{words}\n\n{words}. {words}")[0] == words.strip()
    assert split_text(f"{words}. {words}")[0] == f"{words}."
    assert split_text("word " * 500)[0].endswith("word")


@pytest.mark.parametrize(
    "text", ["https://example.com/a?b=c", "a@example.com", "2024-01-01", "in_progress",
             "550e8400-e29b-41d4-a716-446655440000", "12 / 34", "f" * 64]
)  # fmt: skip
def test_ids_links_and_numbers_are_machine_text(text: str) -> None:
    assert is_machine_text(text)


@pytest.mark.parametrize(
    "text", ["refund", "Great!", "see https://example.com", "返金してください", "5pm"]
)
def test_words_are_not_machine_text(text: str) -> None:
    assert not is_machine_text(text)


def test_another_rendering_is_covered_and_a_new_sentence_is_not() -> None:
    cover = CoverageIndex(["Please **ship** it, today! See https://example.com"])
    assert cover.covers("please ship it today")
    assert not cover.covers("please ship it tomorrow")
    assert not cover.covers("ship today please")
    assert cover.covers("Please ship it tod", truncated=True)
    assert cover.uncovered_lines("please ship\nor not") == "or not"


def test_html_becomes_readable_lines() -> None:
    source = (
        "<!DOCTYPE html><html><head><title>t</title></head><body><!-- no --><h1>Hi</h1>\n<p>One\n"
        "line with <a href='https://x.io?a=1>0'>a link</a>&nbsp;&amp; more<br>next</p><ul><li>a"
        "<li>b</ul><style>p{}</style><script>if (a<b) c()</script><pre>x\n  y</pre>"
        "<blockquote><p>old</p></blockquote>5 < 6</body></html>"
    )
    assert normalize_text(html_to_text(source)) == (
        "Hi\n\nOne line with a link & more\nnext\n\na\nb\n\nx\ny\n\n> old\n\n5 < 6"
    )


def test_broken_markup_loses_no_words() -> None:
    for source in (
        "<p>a <b",
        "<p>a <!-- b",
        "<p>a </b",
        "<p>a <style>b",
        "<p>a &#99999999999; b",
        "<",
    ):
        assert normalize_text(html_to_text(source)).startswith(("a", "<"))
    assert "b" in html_to_text("<p>a <!-- b")


def test_only_html_looks_like_html() -> None:
    assert looks_like_html("<div class=x>hi")
    assert not looks_like_html("if a <b and c> d we <3 it")
    assert (
        decode_entities("R&amp;D &lt;3 &amp;lt; &unknown; &#9999") == "R&D <3 &lt; &unknown; &#9999"
    )


def test_replies_between_quoted_lines_are_the_senders() -> None:
    text = "Hi,\nOn Monday Ann wrote:\n> one?\nyes\n> two?\nno"
    assert split_quotes(text) == [
        (True, "Hi,"),
        (False, "On Monday Ann wrote:\n> one?"),
        (True, "yes"),
        (False, "> two?"),
        (True, "no"),
    ]


@pytest.mark.parametrize(
    "tail",
    [
        "-----Original Message-----\nold",
        "---------- Forwarded message ---------\nold",
        "From: Ann\nSent: Monday\nTo: Carl\nSubject: x\n\nold",
        "On Mon, 1 Jan 2024 Ann <a@b.c>\nwrote:\n\nold",
        "Am 1. Januar 2024 schrieb Ann:\nold",
        "-- \nCarl",
        "Sent from my iPhone",
    ],
)
def test_quotations_and_signatures_are_not_the_senders(tail: str) -> None:
    assert split_quotes(f"New words.\n\n{tail}") == [(True, "New words."), (False, tail)]


def test_angle_brackets_outside_of_email_are_the_writers() -> None:
    assert split_quotes("> 5 items\nok", angle_quotes=False) == [(True, "> 5 items\nok")]
