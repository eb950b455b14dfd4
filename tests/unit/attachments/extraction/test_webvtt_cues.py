"""What a model hears, as WebVTT cues that the analysis reads back word for word."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everlake.analysis.attachment_text import attachment_utterances
from everlake.attachments.extraction.readers.speech import webvtt_cue


@dataclass
class Heard:
    text: str
    start: float = 1.0
    end: float = 2.5


def read_back(*texts: str) -> list[tuple[str | None, str]]:
    cues = "\n\n".join(webvtt_cue(0, Heard(text)) for text in texts)
    found = attachment_utterances("captions", [f"WEBVTT\n\n{cues}"], "call")
    return [(one.speaker, one.text) for one in found]


def test_times_are_those_of_the_recording() -> None:
    assert webvtt_cue(3_598.75, Heard(" Hello. ")) == "00:59:59.750 --> 01:00:01.250\nHello."


def test_an_end_before_its_beginning_is_its_beginning() -> None:
    assert webvtt_cue(0, Heard("Hello", start=2, end=1)).startswith("00:00:02.000 --> 00:00:02.000")


def test_a_hundred_hours_have_three_figures() -> None:
    assert webvtt_cue(100 * 3_600, Heard("Hello")).startswith("100:00:01.000 --> 100:00:02.500")


@pytest.mark.parametrize("text", ["", "  \n "])
def test_nothing_said_is_no_cue(text: str) -> None:
    assert webvtt_cue(0, Heard(text)) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Note: the export fails",
        "Ada: it fails",
        "And then he said: no",
        "<v Ada>it fails</v>",
        "a <b>bold</b> claim",
        "00:01.000 --> 00:02.000",
        "WEBVTT",
        "-A dash",
        "- a dash",
        ">> new",
        "[Ada] it fails",
        "(Ada) it fails",
        '{"text": "no"}',
        "NOTE of ours",
        "profit & loss",
        "&lt;v Ada&gt;",
        "&#58; &amp;",
    ],
)
def test_what_is_said_is_nobodys_and_no_markup(text: str) -> None:
    assert read_back(text) == [(None, text)]
    assert read_back("First.", text, "Last.") == [(None, f"First. {text} Last.")]


@given(st.text("abc <>&;:#/-0159vA.[](){}'*\n\r\u2028\x0b", max_size=80))
def test_any_text_is_read_back(text: str) -> None:
    said = " ".join(text.split())

    assert read_back(text) == ([(None, said)] if said else [])
