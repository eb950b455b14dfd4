"""Utterances of attachment texts: complete, bounded, and with speakers where they are known."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everlake.analysis import utterance_builder as reading_module
from everlake.analysis.attachment_text import attachment_utterances, recording_start_ms
from everlake.analysis.paragraphs import join_lines, split_paragraphs
from everlake.analysis.prose import normalize_text
from everlake.contract.envelope import Participant
from everlake.model.utterances import MAX_TEXT_LENGTH, MAX_UTTERANCES, Utterance

ADA = Participant(id="u1", role="external", name="Ada Ruiz")
BOB = Participant(id="u2", role="internal", name="Bob")
VTT = """WEBVTT

00:00:01.000 --> 00:00:03.000
<v Ada Ruiz>The export stops.</v>

00:01:05.500 --> 00:01:07.000
<v Bob>At which page?</v>
"""
SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello there\n\n2\n00:00:03,000 --> 00:00:04,000\nagain\n"

PIECES = [
    *("exam-", "ple", "\n", "\n\n", " ", "\t", "- item", "1. first", "a | b", "Name: x; Plan: y"),
    *("\u00ad\n", "\f", "word " * 30, "\u6f22\u5b57", "Agent: hi", "\ud800", "x" * 2_100),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=30), max_size=40).map("".join)


def said(text: str, *more: str, record_type: str = "email") -> list[str]:
    return [one.text for one in attachment_utterances("prose", [text, *more], record_type)]


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


@given(st.lists(TEXTS, max_size=4))
@settings(deadline=None)
def test_prose_keeps_all_letters_in_order_and_is_bounded(sections: list[str]) -> None:
    found = attachment_utterances("prose", sections, "email")
    for one in found:
        assert 0 < len(one.text) <= MAX_TEXT_LENGTH
        assert one.text == normalize_text(one.text)
        one.text.encode()
        assert one.said_at is None
    words = "".join(letters(f"{one.speaker or ''}{one.text}") for one in found)
    if all(one.speaker is None for one in found):
        assert words == "".join(letters(normalize_text(section)) for section in sections)


@given(
    st.lists(TEXTS | st.sampled_from([VTT, SRT]), max_size=3), st.sampled_from(["email", "call"])
)
@settings(deadline=None)
def test_any_text_called_captions_gives_clean_bounded_utterances(
    sections: list[str], record_type: str
) -> None:
    for one in attachment_utterances("captions", sections, record_type, (ADA, BOB)):
        assert 0 < len(one.text) <= MAX_TEXT_LENGTH
        (one.text + (one.speaker or "")).encode()
        assert one.role in (None, "internal", "external", "unknown")


def test_captions_become_turns_with_roles_and_times() -> None:
    found = attachment_utterances("captions", [VTT], "call", (ADA, BOB), start=1_714_557_600_000)
    assert [msgspec.structs.astuple(one) for one in found] == [
        ("The export stops.", "Ada Ruiz", "external", "2024-05-01T10:00:01Z"),
        ("At which page?", "Bob", "internal", "2024-05-01T10:01:05.500Z"),
    ]


def test_captions_without_a_recording_start_have_no_times() -> None:
    found = attachment_utterances("captions", [VTT], "call", (ADA, BOB))
    assert [(one.speaker, one.said_at) for one in found] == [("Ada Ruiz", None), ("Bob", None)]


def test_captions_can_be_sections_of_lines_and_subrip() -> None:
    (whole,) = attachment_utterances("captions", [SRT], "call")
    assert whole.text == "Hello there again"
    assert attachment_utterances("captions", SRT.splitlines(), "call") == [whole]


def test_invalid_captions_are_read_as_prose() -> None:
    (one,) = attachment_utterances("captions", ["No timing\nwhatsoever"], "call")
    assert (one.text, one.speaker) == ("No timing whatsoever", None)


@pytest.mark.parametrize(
    ("record_type", "data", "start"),
    [
        ("call", b'{"startedAt":"2024-05-01T10:00:00Z"}', 1_714_557_600_000),
        ("call", b'{"title":"Weekly"}', None),
        ("email", b'{"date":"2024-05-01T10:00:00Z"}', None),
        ("call", b"[]", None),
    ],
)
def test_only_recordings_have_a_start(record_type: str, data: bytes, start: int | None) -> None:
    assert recording_start_ms(record_type, data) == start


def test_wrapped_lines_and_hyphenated_words_are_joined() -> None:
    page = (
        "The quarterly report shows that the ex-\nport function is used by most of our cus-\n"
        "tomers, and that state-of-\nthe-art rendering matters. They\nask for more pages."
    )
    assert said(page) == [
        "The quarterly report shows that the export function is used by most of our customers, "
        "and that state-of-the-art rendering matters. They\nask for more pages.".replace(
            "They\nask", "They ask"
        )
    ]


def test_words_with_a_soft_hyphen_are_joined() -> None:
    assert said("an exam\u00ad\nple") == ["an example"]


def test_list_items_and_short_lines_stay_lines() -> None:
    text = "Next steps\n- fix the export of reports that are long\n- tell Ada Ruiz\n2. Ship"
    assert said(text) == [text]


def test_chinese_lines_are_joined_without_a_space() -> None:
    line = "\u6f22" * 40
    assert join_lines([line, line]) == line * 2


def test_headings_are_merged_with_the_next_paragraph_and_long_paragraphs_are_not() -> None:
    long = "A sentence of some words. " * 20
    assert said(f"Heading\n\n{long}\n\nSecond\n\n{long}") == [
        f"Heading\n\n{long.strip()}",
        f"Second\n\n{long.strip()}",
    ]


def test_pages_are_not_merged() -> None:
    assert said("page one", "page two") == ["page one", "page two"]
    assert said("page one\fpage two") == ["page one\n\npage two"]


@pytest.mark.parametrize(
    "row",
    [
        "Name: {}; Plan: Pro",
        "{}\tPro\t12",
        "| {} | Pro |",
        "{},Pro,12,yes",
        "Customer: {}; Agent: B",
    ],
)
def test_table_rows_are_utterances_of_their_own(row: str) -> None:
    rows = [row.format(name) for name in ("Ada", "Bob", "Cy")]
    found = attachment_utterances("prose", ["\n".join(rows)], "spreadsheet")
    assert [one.text for one in found] == [normalize_text(one) for one in rows]
    assert {one.speaker for one in found} == {None}


def test_a_transcript_of_participants_is_read_as_one() -> None:
    text = "Ada Ruiz: It stops.\nAlways at forty.\nBob: Which page?\nAda Ruiz: Forty."
    found = attachment_utterances("prose", text.split("\n"), "email", (ADA, BOB))
    assert [(one.speaker, one.role, one.text) for one in found] == [
        ("Ada Ruiz", "external", "It stops.\nAlways at forty."),
        ("Bob", "internal", "Which page?"),
        ("Ada Ruiz", "external", "Forty."),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Customer: ACME\nAgent: Bob\n",
        "Name: Ada\nPlan: Pro\nName: Bob\nPlan: Free",
        "Ada Ruiz: hello",
        "Step one: do it\nStep two: wait\nStep one: again",
    ],
)
def test_a_form_is_not_a_transcript(text: str) -> None:
    assert {one.speaker for one in attachment_utterances("prose", [text], "email", (ADA, BOB))} == {
        None
    }


def test_utterances_over_the_limit_are_merged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading_module, "MAX_UTTERANCES", 40)
    sections = [f"Name: n{number}; Plan: p{number}" for number in range(1_000)]
    found = attachment_utterances("prose", sections, "document")
    assert len(found) <= 40
    assert "\n".join(one.text for one in found).split("\n") == sections


@pytest.mark.parametrize(
    "text",
    [
        "a" * 300_000,
        "a: " * 100_000,
        "a-\n" * 100_000,
        "- \n" * 100_000,
        "x; y: " * 50_000,
        "a\tb\n" * 50_000,
        ",a" * 100_000,
        "\u00ad \t" * 80_000,
        "Agent: \n" * 40_000,
        "\n\n".join(["short"] * 50_000),
        "00:00.000 --> 00:01.000\n" * 20_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_hostile_texts_are_read_in_linear_time(text: str) -> None:
    for kind in ("prose", "captions"):
        found = attachment_utterances(kind, [text], "email", (ADA,))
        assert len(found) <= MAX_UTTERANCES


def test_an_empty_text_has_no_utterances() -> None:
    assert attachment_utterances("prose", [], "email") == []
    assert attachment_utterances("captions", ["", " \n"], "email") == []
    assert list(split_paragraphs("")) == [""]


def test_a_mail_file_has_its_sender_and_date() -> None:
    mail = (
        "Subject: Re: Refund\nFrom: Ada Lovelace <ada@example.com>\nTo: help@acme.example\n"
        "Date: Tue, 3 Mar 2026 10:11:00 +0100\nAttached: bill.pdf\n\n"
        "It fails.\n\nOn Mon, 2 Mar 2026 at 09:00, Bo <bo@acme.example> wrote:\n> Try again."
    )
    ada = Participant(id="1", role="external", name="Ada", email="ada@example.com")
    assert attachment_utterances(
        "mail", [mail, "Subject: Two\nFrom: bo@acme.example"], "", [ada]
    ) == [
        Utterance("Re: Refund", "Ada", "external", "2026-03-03T09:11:00Z"),
        Utterance(
            "From: Ada Lovelace <ada@example.com>\nTo: help@acme.example\n"
            "Date: Tue, 3 Mar 2026 10:11:00 +0100\nAttached: bill.pdf"
        ),
        Utterance("It fails.", "Ada", "external", "2026-03-03T09:11:00Z"),
        Utterance("On Mon, 2 Mar 2026 at 09:00, Bo <bo@acme.example> wrote:\n> Try again."),
        Utterance("Two", "bo@acme.example", "unknown"),
        Utterance("From: bo@acme.example"),
    ]


def test_a_mail_file_without_a_sender_has_no_speaker() -> None:
    assert attachment_utterances("mail", ["Subject:\n\nFrom: x\n\nhi"], "") == [
        Utterance("From: x\n\nhi")
    ]
