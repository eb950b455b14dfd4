"""Chats exported or copied as text, in the forms that chat programs write."""

import json
from typing import Any

import pytest

from everlake.analysis.attachment_text import attachment_utterances
from everlake.analysis.utterances import extract_utterances
from everlake.contract.envelope import Participant
from everlake.model.utterances import Utterance

Said = list[tuple[str | None, str]]
HI = [("Mira Vogel", "Hi"), ("Oskar Lind", "Yes: sure")]


def read(text: str, *participants: Participant, **members: Any) -> list[Utterance]:
    data = json.dumps({"text": text} | members).encode()
    return extract_utterances("conversation", data, participants)


def said(text: str, *participants: Participant) -> Said:
    return [(x.speaker, x.text) for x in read(text, *participants)]


@pytest.mark.parametrize(
    "text",
    [
        "18/6/2018 1:55 p. m. - Mira Vogel: Hi\n18/6/2018 1:56 p. m. - Oskar Lind: Yes: sure",
        "18.06.18, 13:55 - Mira Vogel: Hi\n18.06.18, 13:56 - Oskar Lind: Yes: sure",
        (
            "[2018-06-18, 1:55:01\u202fPM] Mira Vogel: Hi\n"
            "\u200e[2018-06-18, 1:56:01\u202fPM] Oskar Lind: Yes: sure"
        ),
        (
            "2018/6/18 \u4e0b\u53481:55 - Mira Vogel: Hi\n"
            "2018/6/18 \u4e0b\u53481:56 - Oskar Lind: Yes: sure"
        ),
        "[18.06.2018 13:55:01] Mira Vogel: Hi\n[18.06.2018 13:56:01] Oskar Lind: Yes: sure",
        (
            "2018\ub144 6\uc6d4 18\uc77c \uc624\ud6c4 1:55, Mira Vogel : Hi\n"
            "2018\ub144 6\uc6d4 18\uc77c \uc624\ud6c4 1:56, Oskar Lind : Yes: sure"
        ),
        "[Mira Vogel] [\uc624\ud6c4 1:55] Hi\n[Oskar Lind] [\uc624\ud6c4 1:56] Yes: sure",
        (
            "--------------- 2018\ub144 6\uc6d4 18\uc77c \uc6d4\uc694\uc77c ---------------\n"
            "[Mira Vogel] [\uc624\ud6c4 1:55] Hi\n"
            "[Oskar Lind] [\uc624\ud6c4 1:56] Yes: sure"
        ),
        "2018/06/18(\u6708)\n13:55\tMira Vogel\tHi\n13:56\tOskar Lind\tYes: sure",
        (
            "13:55:01 From Mira Vogel to Everyone:\n"
            "\tHi\n"
            "13:56:01 From Oskar Lind to Mira Vogel(Direct Message):\n"
            "\tYes: sure"
        ),
        (
            "13:55:01\t From  Mira Vogel : Hi\n"
            "13:56:01\t From  Oskar Lind to Mira Vogel (Privately) : Yes: sure"
        ),
        "13:55:01 Von Mira Vogel an Alle:\n\tHi\n13:56:01 Von Oskar Lind an Alle:\n\tYes: sure",
        "Mira Vogel, [18.06.2018 13:55]\nHi\n\nOskar Lind, [18.06.2018 13:56]\nYes: sure",
        "Mira Vogel \u2014 Today at 1:55 PM\nHi\nOskar Lind \u2014 Today at 1:56 PM\nYes: sure",
        "Mira Vogel  1:55 PM\nHi\nOskar Lind  1:56 PM\nYes: sure",
        "Mira Vogel\n  1:55 PM\nHi\nOskar Lind\n  1:56 PM\nYes: sure",
        "[1:55 PM] Mira Vogel\nHi\n[1:56 PM] Oskar Lind\nYes: sure",
        "2018-06-18 13:55:01 Mira Vogel\nHi\n2018-06-18 13:56:01 Oskar Lind\nYes: sure",
        "[13:55] <Mira Vogel> Hi\n[13:56] <Oskar Lind> Yes: sure",
        "Mira Vogel (00:01:55):\nHi\n\nOskar Lind (00:01:56):\nYes: sure",
        "0:01 | Mira Vogel\nHi\n\n0:05 | Oskar Lind\nYes: sure",
        "Mira Vogel - 00:03\nHi\nOskar Lind - 00:05\nYes: sure",
        (
            "\u200f2/5/2024\u060c 9:01 \u0635 - Mira Vogel: Hi\n"
            "\u200f2/5/2024\u060c 9:02 \u0645 - Oskar Lind: Yes: sure"
        ),
        "2.5.2024 klo 9.01 - Mira Vogel: Hi\n2.5.2024 klo 9.02 - Oskar Lind: Yes: sure",
        "00:01:55 Mira Vogel\nHi\n00:01:56 Oskar Lind\nYes: sure",
        "[Mira Vogel] 00:01:55\nHi\n\n[Oskar Lind] 00:01:56\nYes: sure",
        "Mira Vogel, Thu, 1:55 PM\nHi\nOskar Lind, Thu, 1:56 PM\nYes: sure",
        (
            "from Mira Vogel to everyone:    1:55 PM\nHi\n"
            "from Oskar Lind to Mira Vogel:  1:56 PM\nYes: sure"
        ),
        (
            "2018-06-18 13:55:01 Mira Vogel(123456)\nHi\n"
            "2018-06-18 13:56:01 Oskar Lind(23456)\nYes: sure"
        ),
        "[18-Jun-18 01:55 PM] Mira Vogel\nHi\n\n[18-Jun-18 01:56 PM] Oskar Lind\nYes: sure",
    ],
)
def test_messages_of_an_export_have_their_speakers(text: str) -> None:
    assert said(text) == HI


def test_further_lines_belong_to_the_message_before() -> None:
    text = "5/2/24, 09:02 - Mira: The plan:\n10:00 - lunch\nRoom: 5\n5/2/24, 09:03 - Oskar: Fine"
    assert said(text) == [("Mira", "The plan:\n10:00 - lunch\nRoom: 5"), ("Oskar", "Fine")]


def test_notices_are_nobodys() -> None:
    text = "\n".join(
        f"5/2/24, 09:0{minute} - {line}"
        for minute, line in enumerate(
            [
                "Messages and calls are end-to-end encrypted.",
                'Mira created group "Re: invoices"',
                "Mira: <Media omitted>",
                "Mira: Look",
                "+49 170 1234567: Diese Nachricht wurde gel\u00f6scht.",
                "+49 170 1234567: Nice \u200e<This message was edited>",
                "Oskar joined using this group's invite link",
            ]
        )
    )
    assert [(x.speaker, x.text) for x in read(text) if x.speaker] == [
        ("Mira", "Look"),
        ("+49 170 1234567", "Nice"),
    ]
    assert (None, 'Mira created group "Re: invoices"') in said(text)


def test_actions_of_irc_are_their_nicks() -> None:
    text = "[12:01] <mira> hi\n[12:02] * mira waves\n[12:03] *** bob joined\n[12:04] <bob> hey"
    assert said(text) == [
        ("mira", "hi"),
        ("mira", "waves"),
        (None, "*** bob joined"),
        ("bob", "hey"),
    ]


def test_plain_nicks_need_no_times() -> None:
    assert said("<mira> hi\n<bob> hey\n<mira> ok") == [
        ("mira", "hi"),
        ("bob", "hey"),
        ("mira", "ok"),
    ]


def test_a_further_clock_of_slack_is_neither_said_nor_a_turn() -> None:
    text = "Mira Vogel\n  9:01 AM\nHi\n9:02\nmore\nOskar Lind\n  9:03 AM\nYes"
    assert said(text) == [("Mira Vogel", "Hi\nmore"), ("Oskar Lind", "Yes")]


def test_quoted_messages_reactions_and_footers_are_nobodys() -> None:
    text = (
        '09:01:11 From Mira Vogel to Everyone:\n\tReplying to "Can you..."\n\t\n\tSure\n'
        '09:01:40 From Oskar Lind to Everyone:\n\tReacted to "Sure" with \U0001f44d'
    )
    assert [x for x in said(text) if x[0]] == [("Mira Vogel", "Sure")]
    text = "Mira Vogel  0:03\nHi\n\nOskar Lind  0:07\nYes\n\nTranscribed by https://notes.example"
    assert said(text)[1:] == [("Oskar Lind", "Yes"), (None, "Transcribed by https://notes.example")]


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (("02/05/2024", "23/05/2024"), "2024-05-02T07:01:00Z"),
        (("05/02/2024", "05/23/2024"), "2024-05-02T07:01:00Z"),
        (("02.05.24", "03.05.24"), "2024-05-02T07:01:00Z"),
        (("2024-05-02", "2024-05-03"), "2024-05-02T07:01:00Z"),
        (("02/05/2024", "02/05/2024"), None),
    ],
)
def test_local_times_need_the_records_time_zone_and_a_clear_order(
    dates: tuple[str, str], first: str | None
) -> None:
    text = f"{dates[0]}, 09:01 - Mira: Hi\n{dates[1]}, 09:02 - Oskar: Yes"
    assert read(text, timezone="Europe/Berlin")[0].said_at == first
    assert read(text)[0].said_at is None


def test_times_with_an_offset_need_no_time_zone() -> None:
    text = "[2024-05-02T09:01:11+02:00] Mira: Hi\n[2024-05-02T09:01:12+02:00] Oskar: Yes"
    assert read(text)[0].said_at == "2024-05-02T07:01:11Z"


def test_times_below_a_recordings_start_are_offsets() -> None:
    text = "00:01:55 Mira Vogel\nHi\n00:01:56 Oskar Lind\nYes"
    assert read(text, started_at="2024-05-02T09:00:00Z")[0].said_at == "2024-05-02T09:01:55Z"


def test_a_participant_is_recognised() -> None:
    carl = Participant(id="c", role="external", name="Carl")
    text = "1/2/24, 9:01 AM - Carl: Hi\n1/2/24, 9:02 AM - Ann: Yes"
    assert [(x.speaker, x.role) for x in read(text, carl)] == [
        ("Carl", "external"),
        ("Ann", "unknown"),
    ]


def test_an_attached_export_is_read() -> None:
    lines = ["1/2/24, 9:01 AM - Carl: Hi", "1/2/24, 9:02 AM - Ann: Yes"]
    found = attachment_utterances("prose", lines, "email")
    assert [(x.speaker, x.text) for x in found] == [("Carl", "Hi"), ("Ann", "Yes")]


@pytest.mark.parametrize(
    "text",
    [
        (
            "2024-05-02 09:01:11 ERROR: disk full\n"
            "2024-05-02 09:01:12 INFO: ok\n"
            "2024-05-02 09:01:13 ERROR: full"
        ),
        "2024-05-02 09:01:11 host sshd: accepted\n2024-05-02 09:01:12 host sshd: closed",
        "[2024-05-02 09:01:11] Build: ok\n[2024-05-02 09:01:12] Deploy: ok",
        "10:00 Intro\nBob speaks\n10:30 Break\nCoffee\n11:00 Talk\nmore",
        "2024-05-02 09:00 - Kickoff: introductions\n2024-05-03 09:00 - Review: numbers",
        "10:00 Intro: Bob speaks\n10:30 Break: coffee",
        "10:00 Talk: one\n10:30 Break: air\n11:00 Talk: two\n12:00 Lunch: soup",
        "10:00 Vortrag: eins\n10:30 Kaffeepause: Luft\n11:00 Vortrag: zwei\n12:00 Mittag: Suppe",
        "9:00 AM Welcome: Ann\n9:10 AM Workshop 1: glue\n9:50 AM Workshop 2: tape",
        "Name: Mira\nPlan: Pro\nSeats: 5",
        "Flour: 200 g\nSugar: 100 g\nBake at 9:00 for 20 min",
        "<b> bold\n<i> it\n<b> again",
        "http://a.example:8080/x\nhttp://a.example:8081/y",
        "Opening hours\nMonday 9:00\nTuesday 10:00",
        "We met at 9:01 AM\nand again at\n10:00 then: stop",
    ],
)
def test_lists_logs_and_forms_are_no_chat(text: str) -> None:
    assert {speaker for speaker, _ in said(text)} == {None}


@pytest.mark.parametrize(
    "notice",
    [
        "IMG-20260212-WA0001.jpg (file attached)",
        "Rechnung M\u00e4rz.pdf (Datei angeh\u00e4ngt)",
        "Missed voice call",
        "Videollamada perdida",
        "[ Photo ]",
        "[ File : plan.pdf ]",
        "[\u30b9\u30bf\u30f3\u30d7]",
        "Forwarded from News\nThe shop closes.",
    ],
)
def test_placeholders_calls_and_forwarded_messages_are_nobodys(notice: str) -> None:
    text = f"12/02/26, 08:15 - Mira: Hi\n12/02/26, 08:16 - Oskar: {notice}"
    assert said(text) == [("Mira", "Hi"), (None, notice)]


def test_a_message_that_mentions_a_call_is_its_authors() -> None:
    text = "12/02/26, 08:15 - Mira: Missed voice call from you?\n12/02/26, 08:16 - Oskar: [Photo] 1"
    assert said(text) == [("Mira", "Missed voice call from you?"), ("Oskar", "[Photo] 1")]


def test_the_frames_of_discord_chat_exporter_are_nobodys() -> None:
    text = (
        f"{'=' * 62}\nGuild: Help\n{'=' * 62}\n\n[02/12/2026 8:15 AM] mira\nHi\n\n"
        "[02/12/2026 8:16 AM] oskar\nYes\n\n{Reactions}\nok (2)\n\n"
        f"[02/12/2026 8:17 AM] mira (pinned)\nThanks\n\n[02/12/2026 8:18 AM] oskar\nBye\n\n"
        f"{'=' * 62}\nExported 4 message(s)\n{'=' * 62}"
    )
    assert [turn for turn in said(text) if turn[0]] == [
        ("mira", "Hi"),
        ("oskar", "Yes"),
        ("mira", "Thanks"),
        ("oskar", "Bye"),
    ]


def test_accounts_named_like_lines_of_a_log_are_speakers() -> None:
    text = "Deploy Bot\nAPP  8:15 AM\nDone\nOskar Lind\n  8:17 AM\nThanks"
    assert said(text) == [("Deploy Bot", "Done"), ("Oskar Lind", "Thanks")]


def test_notices_between_clocks_without_a_date_are_nobodys() -> None:
    text = (
        "(08:15:33) Visitor 4711: Hi\n(08:16:02) *** Oskar has joined the chat\n"
        "(08:16:33) Oskar: Yes?\n(08:17:33) Visitor 4711: It jams"
    )
    assert said(text) == [
        ("Visitor 4711", "Hi"),
        (None, "*** Oskar has joined the chat"),
        ("Oskar", "Yes?"),
        ("Visitor 4711", "It jams"),
    ]


HEAD = "Chat Started: Thursday, February 12, 2026, 08:15:33 (+0100)"
CHAT = [("Oskar L", "How can I help?"), ("Visitor", "It jams."), ("Oskar L", "Which one?")]


@pytest.mark.parametrize(
    "text",
    [
        (
            f"{HEAD}\nAgent Oskar L\n( 12s ) Oskar L: How can I help?\n( 40s ) Visitor: It jams.\n"
            "( 1m 2s ) Oskar L: Which one?"
        ),
        (
            f"<p>{HEAD}</p><p>Agent Oskar L</p>( 12s ) Oskar L: How can I help?<br>"
            "( 40s ) Visitor: It jams.<br>( 1m 2s ) Oskar L: Which one?<br>"
        ),
    ],
    ids=["text", "html"],
)
def test_the_head_of_a_chat_is_nobodys(text: str) -> None:
    found = said(text)
    assert found[0][0] is None
    assert found[0][1].startswith(HEAD)
    assert [turn for turn in found if turn[0]] == CHAT


def test_minutes_above_a_transcript_and_the_line_below_are_nobodys() -> None:
    text = (
        "Attendees\nMira Vogel, Oskar Lind\n\nTranscript\n\n00:00:00\n\nMira Vogel: Hi\n"
        "Oskar Lind: Who writes?\n\n00:05:00\n\nMira Vogel: me\n\nMeeting ended after 00:07:12"
    )
    assert said(text) == [
        (None, "Attendees\nMira Vogel, Oskar Lind\n\nTranscript"),
        ("Mira Vogel", "Hi"),
        ("Oskar Lind", "Who writes?"),
        ("Mira Vogel", "me"),
        (None, "Meeting ended after 00:07:12"),
    ]


def test_an_authors_list_of_stops_is_no_chat() -> None:
    text = "12/02/26, 08:15 - Berlin: train\n12/02/26, 10:40 - Hamburg: change"
    (one,) = read(text, author="Mira")
    assert (one.speaker, one.text) == ("Mira", text)


def test_questions_and_answers_of_a_document_have_no_speaker() -> None:
    text = "Q: Does it print?\nA: Yes.\nQ: In colour?\nA: No."
    assert said(text) == [(None, text)]


@pytest.mark.parametrize(
    "text",
    [
        "\u7530\u4e2d\uff1a\u3053\u3093\u306b\u3061\u306f\n\u4f50\u85e4\uff1aHi\n\u7530\u4e2d\uff1aOk",
        "[Speaker:0] \u3053\u3093\u306b\u3061\u306f\n[Speaker:1] Hi\n[Speaker:0] Ok",
    ],
    ids=["wide colon", "numbers in brackets"],
)
def test_transcripts_without_a_plain_colon(text: str) -> None:
    turns = said(text)
    assert [turn[1] for turn in turns] == ["\u3053\u3093\u306b\u3061\u306f", "Hi", "Ok"]
    first, second, third = (turn[0] for turn in turns)
    assert first == third is not None
    assert second not in {None, first}


def test_a_form_with_wide_colons_is_no_transcript() -> None:
    text = "\u59d3\u540d\uff1aMira\n\u7535\u8bdd\uff1a123\n\u5730\u5740\uff1aBerlin"
    assert said(text) == [(None, text)]


def test_who_joins_between_turns_is_nobodys() -> None:
    text = (
        "[10:11:00] Mira: Hi\n[10:12:00] Oskar: Yes?\n[10:12:30] Bob joined the room\n"
        "[10:13:00] Mira: It jams"
    )
    assert said(text)[2:] == [(None, "[10:12:30] Bob joined the room"), ("Mira", "It jams")]


def test_a_name_may_have_its_company_behind_it() -> None:
    text = "10:11 AM | Mira: Hi\n10:12 AM | Oskar from Acme: Yes?\n10:13 AM | Mira: It jams"
    assert [speaker for speaker, _ in said(text)] == ["Mira", "Oskar from Acme", "Mira"]


def test_times_in_a_transcript_are_of_the_records_time_zone() -> None:
    text = "Mira (2026-03-03 10:11): Hi\nOskar (2026-03-03 10:12): Yes?\nMira: Ok"
    assert read(text, timezone="Europe/Berlin")[0].said_at == "2026-03-03T09:11:00Z"


def test_attached_text_that_is_captions_is_read_as_captions() -> None:
    lines = ["1", "00:00:01,000 --> 00:00:02,000", "MIRA: Hi", "", "2",
             "00:00:02,500 --> 00:00:04,000", "OSKAR: Yes?"]  # fmt: skip
    found = attachment_utterances("prose", lines, "email")
    assert [(x.speaker, x.text) for x in found] == [("MIRA", "Hi"), ("OSKAR", "Yes?")]


@pytest.mark.parametrize(
    "text",
    [
        "Mira Vogel \u2014 05/02/2024 9:01 AM\nHi\nOskar Lind \u2014 Today at 9:02 AM\nYes: sure",
        (
            "Mira Vogel\n \u2014 02.05.2024, 09:01\nHi\n"
            "Oskar Lind\n \u2014 Heute um 09:02 Uhr\nYes: sure"
        ),
        "Mira Vogel, Thu 9:01 AM\nHi\nOskar Lind, Thu 9:02 AM, Edited\nYes: sure",
        "[09:01, 2.5.2024] Mira Vogel: Hi\n[09:02, 2.5.2024] Oskar Lind: Yes: sure",
        "Mira Vogel (External) 5/2 9:01 AM\nHi\nOskar Lind 5/2 9:02 AM\nYes: sure",
        "**Mira Vogel** 2024-05-02 09:01\nHi\n\n**Oskar Lind** 2024-05-02 09:02\nYes: sure",
        (
            "[02.05.24, 09:01:11] ~ Mira Vogel: Hi\n"
            "[02.05.24, 09:01:12] Oskar Lind: Yes: sure (edited)"
        ),
    ],
)
def test_times_with_days_marks_and_clocks_first_begin_messages(text: str) -> None:
    assert said(text) == HI


def test_handles_and_addresses_speak_in_chats() -> None:
    text = "mira.v 9:01 AM\nhi\ntom.b 9:02 AM\nhello\nmira.v 9:03 AM\nI am late"
    assert [speaker for speaker, _ in said(text)] == ["mira.v", "tom.b", "mira.v"]
    text = "(09:01:11 AM) mira@example.org: hi\n(09:02:11 AM) Tom: hello"
    assert [speaker for speaker, _ in said(text)] == ["mira@example.org", "Tom"]


def test_a_file_is_nobodys_and_its_caption_is_said() -> None:
    text = (
        "2/5/24, 9:01 AM - Mira: IMG-1.jpg (file attached)\nThis is the box\n"
        "2/5/24, 9:02 AM - Tom: <Media har utel\u00e4mnats>\n2/5/24, 9:03 AM - Tom: thanks"
    )
    assert said(text) == [
        (None, "IMG-1.jpg (file attached)"),
        ("Mira", "This is the box"),
        (None, "<Media har utel\u00e4mnats>"),
        ("Tom", "thanks"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        (
            "2024-05-02 09:01:11,123 Scheduler: job 7 has been started\n"
            "2024-05-02 09:01:12,456 Mailer: no mails to send now\n"
            "2024-05-02 09:01:13,789 Scheduler: done"
        ),
        (
            "[2024-05-02 09:01:11] production.ERROR: Undefined index in the list of users\n"
            "[2024-05-02 09:01:12] production.INFO: Trying this once more"
        ),
        (
            "[2024-05-02 09:01] Mood: fine\n[2024-05-02 12:01] Food: soup\n"
            "[2024-05-02 15:01] Mood: tired"
        ),
        "02.05.2024 20:30 Berlin : Hamburg 2:1\n03.05.2024 20:30 Bonn : Kiel 0:0",
        "9:00 AM - Opening Remarks: Jane Doe, Acme\n10:00 AM - Customer Panel: Sam Fox",
        "Berlin Hbf 09:01\nICE 503\nHalle 10:12\nchange here\nBerlin Hbf 18:01\ndone",
    ],
)
def test_lists_and_logs_with_times_are_no_chats(text: str) -> None:
    assert said(text) == [(None, text)]


@pytest.mark.parametrize(
    "text",
    [
        "[02.05.24, 09:01:11] Mira Vogel: Hi, where is it?",
        "02/05/2024, 09:01 - Mira Vogel: Hi, where is it?",
        "[9:01 AM, 5/2/2024] Mira Vogel: Hi, where is it?",
        "Mira Vogel, [02.05.2024 09:01]\nHi, where is it?",
    ],
)
def test_an_export_may_have_one_message(text: str) -> None:
    assert said(text) == [("Mira Vogel", "Hi, where is it?")]


@pytest.mark.parametrize(
    "text",
    [
        "[2024-05-02 09:01] Reminder: call the bank, please.",
        "02.05.2024, 09:01 - Besprechung: wir sind in Raum 5.",
        "[2024-05-02 09:01:11] Server: restarted after the update.",
        "09:01 Mira Vogel: the new parcels are here.",
        "[2024-05-02 09:01] Meeting Notes: we talked about parcels.",
        "02.05.2024, 09:01 - Grand Opening: everybody is welcome here.",
        "2024-05-02 09:01 Mira Vogel: fixes for all of you.",
        "2 May 2024: we met at 9:01 and said goodbye.",
    ],
)
def test_one_line_with_a_time_is_no_export(text: str) -> None:
    assert said(text) == [(None, text)]
