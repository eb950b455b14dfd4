"""Texts with colons, names and times that are neither transcripts nor chats."""

import json

import pytest

from everlake.analysis.utterances import extract_utterances

Said = list[tuple[str | None, str]]


def said(text: str, author: str | None = None, record_type: str = "message") -> Said:
    data = {"text": text} | ({"author": {"name": author}} if author else {})
    found = extract_utterances(record_type, json.dumps(data).encode())
    return [(x.speaker, x.text) for x in found]


@pytest.mark.parametrize(
    "text",
    [
        "9:00 AM Keynote: the year ahead\n10:00 AM Workshop: pricing\n11:00 AM Workshop: support",
        "Anna: 12\nTom: 9\nAnna: 14\nTom: 11",
        "Coffee: 3 EUR\nTea: 2 EUR\nCake: 4 EUR\nCoffee: 5 EUR (large)",
        "Vogel (2021): On parcels.\nBerg (2019): On letters.\nVogel (2021): On mail.",
        "Problem: the printer is off.\nSolution: switch it on.\nProblem: paper jam.",
        "Pro: it is cheap.\nCon: it is slow.\nPro: it is small.",
        "Hund: dog\nKatze: cat\nMaus: mouse\nHund: hound",
        "services:\nimage: nginx\nports: 80\nimage: postgres",
        "Host: example.org\nAccept: */*\nHost: example.org\nAccept: text/html",
        "The evening said: come home,\nThe river said: remain,\nThe evening said: I wait.",
        "Lat: 52.5\nLon: 13.4\nLat: 48.1\nLon: 11.5",
        "Cast\nMira Vogel: Anna\nTom Berg: Peter\nMira Vogel: Nurse",
        "v1.2: fixes\nv1.1: export\nv1.2: hotfix",
    ],
)
@pytest.mark.parametrize("author", [None, "Mira Vogel"])
def test_a_list_with_labels_is_no_transcript(text: str, author: str | None) -> None:
    assert said(text, author) == [(author, text)]


@pytest.mark.parametrize(
    "text",
    [
        "Hi all,\nthe minutes:\nTom: calls the bank.\nAnn: books the room.\nTom: writes.",
        "The timetable:\n09:00 - Mira: welcome\n09:30 - Tom: demo\n10:00 - Mira: your questions",
    ],
)
def test_names_in_what_somebody_writes_below_a_sentence_do_not_speak(text: str) -> None:
    assert said(text, "Mira Vogel") == [("Mira Vogel", text)]


def test_turns_in_one_string_are_a_transcript_without_known_speakers() -> None:
    text = "Mira: Where is my parcel?\nTom: On its way.\nMira: thanks"
    assert [speaker for speaker, _ in said(text)] == ["Mira", "Tom", "Mira"]
    below = "Mira:\nWhere is my parcel?\n\nTom:\nOn its way.\n\nMira:\nthanks"
    assert [speaker for speaker, _ in said(below)] == ["Mira", "Tom", "Mira"]


def test_a_form_above_a_chat_and_its_dates_and_footer_are_nobodys() -> None:
    text = (
        "Name: Mira Vogel\nEmail: mira@example.org\n\nMira Vogel: My order is late\n"
        "May 2, 2024, 9:10 AM\nTom: Let me look\nMira Vogel: thanks\n---\nExported from Acme"
    )
    assert said(text, record_type="conversation") == [
        (None, "Name: Mira Vogel\nEmail: mira@example.org"),
        ("Mira Vogel", "My order is late"),
        ("Tom", "Let me look"),
        ("Mira Vogel", "thanks"),
        (None, "---\nExported from Acme"),
    ]
