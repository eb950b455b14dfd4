"""Captions: who speaks in them, and what in them nobody says."""

import json

import pytest

from everlake.analysis.utterances import extract_utterances
from everlake.contract.envelope import Participant


def cue(second: int, payload: str) -> str:
    return f"00:00:{second:02d}.000 --> 00:00:{second + 1:02d}.000\n{payload}\n\n"


def webvtt(*payloads: str) -> str:
    return "WEBVTT\n\n" + "".join(cue(2 * n, payload) for n, payload in enumerate(payloads))


def said(text: str, *participants: Participant) -> list[tuple[str | None, str]]:
    data = json.dumps({"transcript": text}).encode()
    return [(x.speaker, x.text) for x in extract_utterances("call", data, participants)]


@pytest.mark.parametrize(
    ("payloads", "turns"),
    [
        (
            ("[SPEAKER_00]: Hi.", "[SPEAKER_01]: Yes?"),
            [("SPEAKER_00", "Hi."), ("SPEAKER_01", "Yes?")],
        ),
        (
            ("[SPEAKER_00] Hi.", "[SPEAKER_01] Yes?"),
            [("SPEAKER_00", "Hi."), ("SPEAKER_01", "Yes?")],
        ),
        (("(Mira) Hi.", "(Oskar) Yes?"), [("Mira", "Hi."), ("Oskar", "Yes?")]),
        (("Sprecher 1: Hallo.", "gut"), [("Sprecher 1", "Hallo. gut")]),
        ((">> MIRA: Hi.", "&gt;&gt; Yes?"), [("MIRA", "Hi."), (None, "Yes?")]),
        (("- Where?\n- There.",), [(None, "Where?"), (None, "There.")]),
        (("- Mira: Where?\n- Oskar: There.",), [("Mira", "Where?"), ("Oskar", "There.")]),
        (
            ("<v Mira>Hi <i>you</i></v>\n<v.loud Oskar>Hey</v>",),
            [("Mira", "Hi you"), ("Oskar", "Hey")],
        ),
        (
            ("mira_v: Hi.", "bob: Yes?", "mira_v: ok"),
            [("mira_v", "Hi."), ("bob", "Yes?"), ("mira_v", "ok")],
        ),
        (("<v ->Hi.</v>",), [(None, "Hi.")]),
        (("<v Mira>Hi</v>", "and nobody"), [("Mira", "Hi"), (None, "and nobody")]),
        (
            ("\u5ba2\u6237\uff1a\u4f60\u597d", "\u4e16\u754c"),
            [("\u5ba2\u6237", "\u4f60\u597d\u4e16\u754c")],
        ),
    ],
)
def test_speakers_of_cues(payloads: tuple[str, ...], turns: list[tuple[str | None, str]]) -> None:
    assert said(webvtt(*payloads)) == turns


@pytest.mark.parametrize(
    "sentence",
    [
        "So here is the thing: we cannot export.",
        "Subtitles: made by hand",
        "Note: this is old",
        "Remember: save first.",
        "[Music] Welcome",
        "(laughs) Right",
        "-5 degrees",
        "I said: no",
    ],
)
def test_a_colon_or_bracket_in_a_sentence_makes_no_speaker(sentence: str) -> None:
    others = "It stops.", "At page forty.", "Nobody answers.", "That is all."
    assert said(webvtt(sentence, *others)) == [(None, " ".join((sentence, *others)))]


def test_a_participant_is_a_speaker_in_one_cue_of_many() -> None:
    carl = Participant(id="c", role="external", name="carl")
    assert said(webvtt("One.", "Two.", "Three.", "carl: Four."), carl)[-1] == ("carl", "Four.")


def test_headers_identifiers_notes_and_styles_are_not_said() -> None:
    text = (
        "\ufeffWEBVTT - made by hand\nKind: captions\nLanguage: en\n"
        "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\nNOTE\nof two\nlines\n\n"
        "STYLE\n::cue { color: red }\n\nREGION\nid:top\nwidth:40%\n\nchapter one\n"
        + cue(1, "The export stops.")
        + "NOTE Confidence: 0.9\n\n5deb/3-0\n"
        + cue(4, "Always.")
    )
    assert said(text) == [(None, "The export stops. Always.")]


def test_text_outside_of_cues_is_not_lost() -> None:
    assert said(webvtt("One.") + "Loose words here\n\n" + cue(9, "Two.")) == [
        (None, "One."),
        (None, "Loose words here"),
        (None, "Two."),
    ]


def test_cues_of_metadata_name_speaker_text_and_time() -> None:
    spoken = {"startDateTime": "2024-05-02T09:00:00.0Z", "speakerName": "Mira", "spokenText": "Hi."}
    text = webvtt(json.dumps(spoken), json.dumps({"kind": "chapter", "level": 2}))
    (one,) = extract_utterances("call", json.dumps({"transcript": text}).encode())
    assert (one.speaker, one.text, one.said_at) == ("Mira", "Hi.", "2024-05-02T09:00:00Z")


def test_webex_names_the_speaker_in_the_identifier() -> None:
    text = f'WEBVTT\n\n1 "Mira Vogel" (77)\n{cue(1, "Hi.")}2 "Oskar Lind" (78)\n{cue(3, "Yes?")}'
    assert said(text) == [("Mira Vogel", "Hi."), ("Oskar Lind", "Yes?")]


def test_lines_that_roll_up_are_said_once() -> None:
    text = webvtt(
        " \nthe<00:00:00.500><c> export</c>",
        "the export\n ",
        "the export\nfails<00:00:04.500><c> at</c>",
        "fails at\n ",
        "fails at\npage forty",
    )
    assert said(text) == [(None, "the export fails at page forty")]


def test_the_same_word_in_two_cues_is_said_twice() -> None:
    assert said(webvtt("Yes.", "Yes.", "No.")) == [(None, "Yes. Yes. No.")]


def test_subviewer_captions_are_read() -> None:
    text = "0:00:00.599,0:00:04.160\nMira Vogel: Hi.\n\n0:00:05.100,0:00:06.160\nOskar Lind: Yes?\n"
    assert said(text) == [("Mira Vogel", "Hi."), ("Oskar Lind", "Yes?")]


def test_a_blank_line_in_a_subrip_cue_does_not_end_it() -> None:
    text = (
        "1\n00:00:01,000 --> 00:00:02,000\nMira: It\n\nstops.\n\n2\n00:00:03 --> 00:00:04\nOften."
    )
    assert said(text) == [("Mira", "It stops. Often.")]


def test_a_name_on_the_first_line_of_every_cue_is_its_speaker() -> None:
    text = (
        "0:0:0.0 --> 0:0:2.500\nMira Vogel\nHi\n\n0:0:3.0 --> 0:0:4.5\nOskar Lind\nYes?\n\n"
        "0:0:5.0 --> 0:0:6.5\nMira Vogel\nok\n"
    )
    assert said(text) == [("Mira Vogel", "Hi"), ("Oskar Lind", "Yes?"), ("Mira Vogel", "ok")]


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_line_above_the_text_of_a_cue_does_not_end_it(blank: str) -> None:
    assert said(webvtt(f"{blank}\n<v Mira>Hi</v>", "<v Oskar>Yes?</v>")) == [
        ("Mira", "Hi"),
        ("Oskar", "Yes?"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The bus changed:\n23:40 --> 23:55 from the harbour\n00:10 --> 00:20 from the station",
        "09:00 -> 09:30\n10:00 -> 11:00\nBoth are free.",
    ],
)
def test_arrows_between_hours_make_no_captions(text: str) -> None:
    assert said(text) == [(None, text)]


SUBSTATION = """[Script Info]
Title: A

[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Layer, Start, End, Style, Name, Effect, Text
Comment: 0,0:00:00.00,0:00:01.00,Default,,,checked
Dialogue: 0,0:00:01.00,0:00:03.00,Default,Mira,,Hello there, friend
Dialogue: 0,0:00:03.50,0:00:05.00,Default,Oskar,,{\\i1}No{\\i0}, it\\Nfails
"""
TTML = (
    '<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml"><head><metadata>'
    '<ttm:agent xml:id="a1" type="person"><ttm:name type="full">Mira</ttm:name></ttm:agent>'
    '</metadata></head><body><p begin="00:00:01.000" ttm:agent="a1">Hello there, friend</p>'
    '<p begin="00:00:03.500" ttm:agent="Oskar"><span>No</span>, it<br/>fails</p></body></tt>'
)


@pytest.mark.parametrize(
    "text",
    [
        (
            "[00:00:01.000 --> 00:00:03.000] [Mira] Hello there, friend\n"
            "[00:00:03.500 --> 00:00:05.000] [Oskar] No, it\nfails"
        ),
        (
            "[00:01.000 --> 00:03.000]  Mira: Hello there, friend\n"
            "[00:03.500 --> 00:05.000]  Oskar: No, it fails"
        ),
        SUBSTATION,
        TTML,
    ],
    ids=["whisper", "whisper without hours", "substation alpha", "ttml"],
)
def test_other_notations_of_captions(text: str) -> None:
    data = {"transcript": text, "startedAt": "2026-03-03T10:00:00Z"}
    found = extract_utterances("call", json.dumps(data).encode())
    assert [(x.speaker, x.text, x.said_at) for x in found] == [
        ("Mira", "Hello there, friend", "2026-03-03T10:00:01Z"),
        ("Oskar", "No, it fails", "2026-03-03T10:00:03.500Z"),
    ]


def test_youtubes_timed_text_is_read() -> None:
    text = (
        '<?xml version="1.0" encoding="utf-8" ?><transcript><text start="0.5" dur="2.1">hello there'
        '</text><text start="2.9" dur="3">it&amp;#39;s failing</text></transcript>'
    )
    assert said(text) == [(None, "hello there it's failing")]


@pytest.mark.parametrize(
    "text",
    [
        "WEBVTT files do not play.\nWhat now?",
        "WEBVTT\nis no format that I know.",
        "My file:\n\n1\n00:00:01,000 --> 00:00:02,000\nHello\n\nVLC shows nothing.",
        "[Events]\nFormat: two days\nDialogue: yes",
        "<transcript> is the tag.\nWhere do I put it?",
    ],
)
def test_a_message_about_captions_is_its_authors(text: str) -> None:
    data = json.dumps({"author": "Mira", "text": text}).encode()
    assert [(x.speaker, x.text) for x in extract_utterances("message", data)] == [("Mira", text)]


def test_text_beside_the_cues_of_xml_is_not_lost() -> None:
    text = TTML.replace("</body>", "<p>made by hand</p></body>")
    assert "made by hand" in " ".join(words for _, words in said(text))
