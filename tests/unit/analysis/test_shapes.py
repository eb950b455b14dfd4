"""Shapes of data, each with data as its senders write it."""

import base64
import json
from typing import Any

from everlake.analysis.utterances import extract_utterances
from everlake.contract.envelope import Participant
from everlake.model.utterances import Utterance

ANN = Participant(id="u1", role="internal", name="Ann Agent", email="ann@acme.io")
CARL = Participant(id="c9", role="external", name="Carl", email="carl@example.com")


def read(record_type: str, data: dict[str, Any], *participants: Participant) -> list[Utterance]:
    return extract_utterances(record_type, json.dumps(data).encode(), participants)


def lines(utterances: list[Utterance]) -> list[tuple[str | None, str]]:
    return [(x.speaker, x.text) for x in utterances]


def texts(record_type: str, data: dict[str, Any], *participants: Participant) -> list[str]:
    return [x.text for x in read(record_type, data, *participants)]


def test_a_chat_names_speakers_roles_and_times() -> None:
    data = {
        "id": "conv-17",
        "status": "open",
        "messages": [
            {"id": "m1", "from": "customer", "text": "Where is my refund?", "ts": 1712345678},
            {"id": "m2", "from": "u1", "text": "On its way.", "ts": "1712345678.000200"},
            {
                "author": {"email": "CARL@example.com"},
                "body": "Thanks",
                "created_at": 1712345679123,
            },
        ],
        "subject": "Refund",
    }
    assert read("conversation", data, ANN, CARL) == [
        Utterance("Refund"),
        Utterance("Where is my refund?", "customer", "external", "2024-04-05T19:34:38Z"),
        Utterance("On its way.", "Ann Agent", "internal", "2024-04-05T19:34:38Z"),
        Utterance("Thanks", "Carl", "external", "2024-04-05T19:34:39.123Z"),
    ]


def test_intercom_conversation_parts_are_messages() -> None:
    data = {
        "type": "conversation",
        "id": "123",
        "source": {
            "type": "email",
            "body": "<p>The <b>export</b> fails &amp; stops</p>",
            "author": {"type": "lead", "id": "5f", "name": "Eve"},
        },
        "conversation_parts": {
            "type": "conversation_part.list",
            "conversation_parts": [
                {
                    "type": "conversation_part",
                    "part_type": "comment",
                    "body": "<p>Looking into it</p>",
                    "created_at": 1712345700,
                    "author": {"type": "admin", "name": "Zoe"},
                }
            ],
        },
    }
    assert read("conversation", data) == [
        Utterance("The export fails & stops", "Eve", "external"),
        Utterance("Looking into it", "Zoe", "internal", "2024-04-05T19:35:00Z"),
    ]


def test_slack_blocks_that_repeat_the_text_are_not_duplicated() -> None:
    runs = [
        {"type": "text", "text": "Please "},
        {"type": "text", "text": "ship", "style": {"bold": True}},
        {"type": "text", "text": " it & go"},
    ]
    section = {"type": "rich_text_section", "elements": runs}
    data = {
        "type": "message",
        "user": "U123",
        "text": "Please *ship* it &amp; go",
        "ts": "1712345678.000200",
        "blocks": [{"type": "rich_text", "block_id": "x", "elements": [section]}],
    }
    assert read("message", data) == [
        Utterance("Please *ship* it & go", "U123", "unknown", "2024-04-05T19:34:38Z")
    ]


def test_zendesk_comments_find_their_authors_among_the_users() -> None:
    data = {
        "ticket": {"subject": "Broken", "description": "It is broken", "requester_id": 5},
        "comments": [
            {
                "body": "It is broken",
                "html_body": "<p>It is broken</p>",
                "author_id": 5,
                "public": True,
                "created_at": "2024-01-01T00:00:00Z",
            }
        ],
        "users": [{"id": 5, "name": "Carl C", "role": "end-user"}],
    }
    assert read("conversation", data) == [
        Utterance("Broken"),
        Utterance("It is broken", "Carl C", "external", "2024-01-01T00:00:00Z"),
    ]


def test_chat_model_messages_take_content_parts() -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    data = {
        "messages": [
            {"role": "user", "content": parts},
            {"role": "assistant", "content": "An invoice."},
        ]
    }
    assert read("conversation", data) == [
        Utterance("What is this?", "user", "external"),
        Utterance("An invoice.", "assistant", "internal"),
    ]


def test_an_inbound_message_is_from_outside() -> None:
    assert read("message", {"body": "Hello?", "direction": "inbound"}) == [
        Utterance("Hello?", None, "external")
    ]


def test_gong_monologues_take_names_roles_and_the_start_from_the_call() -> None:
    def sentence(start: int, end: int, text: str) -> dict[str, Any]:
        return {"start": start, "end": end, "text": text}

    data = {
        "transcript": [
            {
                "speakerId": "s1",
                "topic": "Call Setup",
                "sentences": [
                    sentence(1000, 3000, "Hello there everyone."),
                    sentence(3100, 5000, "How are you?"),
                ],
            },
            {"speakerId": "s2", "topic": None, "sentences": [sentence(6000, 7000, "Fine.")]},
        ],
        "metaData": {"started": "2024-01-01T10:00:00-08:00"},
        "parties": [
            {"speakerId": "s1", "name": "Bob", "affiliation": "Internal"},
            {"speakerId": "s2", "emailAddress": "eve@c.com", "affiliation": "External"},
        ],
    }
    assert read("call_transcription", data) == [
        Utterance("Call Setup"),
        Utterance("Hello there everyone. How are you?", "Bob", "internal", "2024-01-01T18:00:01Z"),
        Utterance("Fine.", "eve@c.com", "external", "2024-01-01T18:00:06Z"),
    ]


def test_offsets_are_times_only_when_the_start_is_known() -> None:
    turn = {"speaker": "A", "text": "Shall we start now?", "start": 12, "end": 15}
    assert read("call", {"segments": [turn]})[0].said_at is None
    started = {"started_at": "2024-01-01T10:00:00Z", "segments": [turn]}
    assert read("call", started)[0].said_at == "2024-01-01T10:00:12Z"
    in_ms = {
        "started_at": "2024-01-01T10:00:00Z",
        "segments": [turn | {"start": 12000, "end": 15000}],
    }
    assert read("call", in_ms)[0].said_at == "2024-01-01T10:00:12Z"


def test_numbered_speakers_are_called_speaker() -> None:
    words = [{"word": word, "start": 0.1} for word in ("well", "hello", "there", "bob")]
    data = {"utterances": [{"speaker": 0, "transcript": "Well, hello there, Bob.", "words": words}]}
    assert lines(read("call", data)) == [("Speaker 0", "Well, hello there, Bob.")]


def test_elements_with_punctuation_are_joined_without_spaces() -> None:
    elements = [
        {"type": "text", "value": "Hi", "ts": 0.2},
        {"type": "punct", "value": ", "},
        {"type": "text", "value": "Bob"},
        {"type": "punct", "value": "."},
    ]
    assert lines(read("call", {"monologues": [{"speaker": 1, "elements": elements}]})) == [
        ("Speaker 1", "Hi, Bob.")
    ]


def test_meeting_turns_keep_their_speakers() -> None:
    turns = [{"speaker": "PhD C", "content": "Right ."}, {"speaker": "Grad E", "content": "OK ."}]
    assert lines(read("call_transcription", {"meeting_transcripts": turns})) == [
        ("PhD C", "Right ."),
        ("Grad E", "OK ."),
    ]


def test_pairs_are_a_dialogue() -> None:
    data = {"original": [["agent", "Hi!"], ["customer", "Hello"], ["action", "Looked up."]]}
    assert read("conversation", data) == [
        Utterance("Hi!", "agent", "internal"),
        Utterance("Hello", "customer", "external"),
        Utterance("Looked up.", "action", "unknown"),
    ]


def test_a_transcript_in_a_string_is_split_into_turns() -> None:
    data = {
        "title": "Weekly",
        "started_at": "2024-01-01T10:00:00Z",
        "transcript": "Bob: hello\n[00:01:02] Eve: hi\nand more\n**Bob:** bye",
    }
    assert read("call", data) == [
        Utterance("Weekly"),
        Utterance("hello", "Bob", "unknown"),
        Utterance("hi\nand more", "Eve", "unknown", "2024-01-01T10:01:02Z"),
        Utterance("bye", "Bob", "unknown"),
    ]


def test_a_transcript_with_names_on_lines_of_their_own_is_split_into_turns() -> None:
    text = "Bob Smith  0:03\nShall we?\nEve  0:07\nYes.\nBob Smith  0:09\nGood."
    assert lines(read("call", {"transcript": text})) == [
        ("Bob Smith", "Shall we?"),
        ("Eve", "Yes."),
        ("Bob Smith", "Good."),
    ]


def test_a_time_on_a_line_of_its_own_is_not_said() -> None:
    text = "Bob Smith: hello\n00:05:00\nEve: hi\nBob Smith: bye"
    assert lines(read("call", {"transcript": text}))[0] == ("Bob Smith", "hello")
    text = "Speaker 1: (00:02)\nhello\n\nSpeaker 2: (00:05)\nhi"
    assert lines(read("call", {"transcript": text})) == [
        ("Speaker 1", "hello"),
        ("Speaker 2", "hi"),
    ]


def test_a_chat_export_is_split_into_turns() -> None:
    text = "\n".join(
        f"18/03/2024, 10:{minute} - {said}"
        for minute, said in ((15, "Carl: hey"), (16, "Ann: yes?"), (17, "Carl: nvm"))
    )
    assert lines(read("conversation", {"body": text})) == [
        ("Carl", "hey"),
        ("Ann", "yes?"),
        ("Carl", "nvm"),
    ]


def test_a_list_of_lines_with_recurring_speakers_is_a_dialogue() -> None:
    data = {"log": ["Bob: hello", "Eve: hi", "Bob: bye"]}
    assert lines(read("conversation", data)) == [("Bob", "hello"), ("Eve", "hi"), ("Bob", "bye")]


def test_notes_with_labels_are_not_a_dialogue() -> None:
    text = "Decision: ship it\nAction: Bob sends the deck\nAction: Eve calls"
    assert lines(read("meeting_notes", {"notes": text})) == [(None, text)]


def test_webvtt_gives_speakers_and_times() -> None:
    captions = (
        "WEBVTT\n\nNOTE made by hand\n\n1\n00:00:01.000 --> 00:00:02.000\n<v Bob Smith>Hello there"
        "</v>\n\n2\n00:00:03.000 --> 00:00:04.000\n<v Bob Smith>again &amp; again</v>\n\n"
        "00:00:05.000 --> 00:00:06.000\nEve: hey"
    )
    data = {"start_time": "2024-01-01T10:00:00Z", "transcript": captions}
    assert read("call", data) == [
        Utterance("Hello there again & again", "Bob Smith", "unknown", "2024-01-01T10:00:01Z"),
        Utterance("hey", "Eve", "unknown", "2024-01-01T10:00:05Z"),
    ]


def test_an_escaped_colon_does_not_end_a_name() -> None:
    captions = (
        "WEBVTT\n\n00:01.000 --> 00:02.000\nR&amp;D: we saw it\n\n"
        "00:03.000 --> 00:04.000\nNote&#58; it fails"
    )
    assert lines(read("call", {"transcript": captions})) == [("R&D", "we saw it Note: it fails")]


def test_subrip_is_read_like_webvtt() -> None:
    captions = "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nthere"
    assert texts("call", {"text": captions}) == ["Hello there"]


def test_quotations_in_an_email_are_separate_utterances() -> None:
    data = {
        "subject": "Re: Invoice",
        "from": "Carl <carl@example.com>",
        "to": ["ann@acme.io"],
        "date": "Mon, 1 Apr 2024 10:00:00 +0200",
        "text": "Please fix it.\n\nThanks\n\n-- \nCarl\nCEO\n\nOn Mon, 1 Jan 2024 at 10:00, Ann\n"
        "<ann@acme.io> wrote:\n> Which one?\n> Ann",
        "html": "<html><head><title>x</title><style>p{}</style></head><body><p>Please fix it.</p>"
        "<p>Thanks</p><p>See the attached file</p><div>On Mon, 1 Jan 2024 at 10:00, Ann wrote:"
        "<blockquote><p>Which one?</p><p>Ann</p></blockquote></div></body></html>",
        "snippet": "Please fix it. Than",
        "headers": {"X-Spam": "no"},
    }
    said = read("email", data, CARL)
    assert [(x.speaker, x.text) for x in said] == [
        ("Carl", "Re: Invoice"),
        ("Carl", "Please fix it.\n\nThanks"),
        (None, "--\nCarl\nCEO"),
        (None, "On Mon, 1 Jan 2024 at 10:00, Ann\n<ann@acme.io> wrote:\n> Which one?\n> Ann"),
        ("Carl", "See the attached file"),
        (None, "On Mon, 1 Jan 2024 at 10:00, Ann wrote:"),
    ]
    assert {x.said_at for x in said if x.speaker} == {"2024-04-01T08:00:00Z"}


def test_a_thread_of_graph_messages_has_its_subject_once() -> None:
    data = {
        "messages": [
            {
                "subject": "Hello",
                "from": {"emailAddress": {"name": "Carl C", "address": "carl@example.com"}},
                "body": {"contentType": "html", "content": "<p>One</p>"},
                "bodyPreview": "One",
                "receivedDateTime": "2024-01-01T00:00:00Z",
            },
            {"subject": "RE: Hello", "from": "ann@acme.io", "body": "Two"},
        ]
    }
    assert read("email_thread", data, ANN, CARL) == [
        Utterance("Hello", "Carl", "external", "2024-01-01T00:00:00Z"),
        Utterance("One", "Carl", "external", "2024-01-01T00:00:00Z"),
        Utterance("Two", "Ann Agent", "internal"),
    ]


def test_a_gmail_message_is_decoded() -> None:
    def part(kind: str, text: str) -> dict[str, Any]:
        return {
            "mimeType": kind,
            "body": {"data": base64.urlsafe_b64encode(text.encode()).decode()},
        }

    headers = {"From": "Eve <eve@c.com>", "Subject": "Plans", "Received": "by 10.0.0.1 with SMTP"}
    data = {
        "id": "18c",
        "snippet": "Grüße aus",
        "internalDate": "1712345678000",
        "payload": {
            "mimeType": "multipart/alternative",
            "headers": [{"name": name, "value": value} for name, value in headers.items()],
            "parts": [
                part("text/plain", "Grüße aus Bonn"),
                part("text/html", "<p>Grüße aus Bonn</p>"),
            ],
        },
    }
    assert read("email", data) == [
        Utterance("Plans", "Eve", "unknown", "2024-04-05T19:34:38Z"),
        Utterance("Grüße aus Bonn", "Eve", "unknown", "2024-04-05T19:34:38Z"),
    ]


def test_a_document_has_its_title_before_its_sections() -> None:
    data = {
        "url": "https://example.com/plan",
        "sections": [
            {"heading": "Why", "text": "Because."},
            {"name": "How", "content": "Slowly."},
        ],
        "title": "Plan",
    }
    assert texts("document", data) == ["Plan", "Why", "Because.", "How", "Slowly."]


def test_a_documents_author_is_the_speaker() -> None:
    data = {"title": "Plan", "author": "Zoe", "markdown": "# Why\n\nBecause."}
    assert lines(read("document", data)) == [("Zoe", "Plan"), ("Zoe", "# Why\n\nBecause.")]


def test_an_editors_tree_keeps_sentences_whole() -> None:
    runs = [
        {"type": "text", "text": "Hello "},
        {"type": "text", "text": "bold", "marks": [{"type": "strong"}]},
    ]
    paragraphs = [
        {"type": "paragraph", "content": runs},
        {"type": "paragraph", "content": [{"type": "text", "text": "Second"}]},
    ]
    tree = {"type": "doc", "version": 1, "content": paragraphs}
    assert texts("document", tree) == ["Hello bold\nSecond"]
    assert texts("document", {"title": "T", "body": tree}) == ["T", "Hello bold\nSecond"]
    assert texts("document", {"ops": [{"insert": "Gandalf"}, {"insert": " the Grey\n"}]}) == [
        "Gandalf the Grey"
    ]


def test_rows_below_headers_are_an_utterance_each() -> None:
    sheet = {
        "name": "Q1",
        "headers": ["Name", "Score", "Comment"],
        "rows": [["Bob", 9, "Great"], ["Al", 3, ""], ["Cy", None, True]],
    }
    assert texts("spreadsheet", {"name": "NPS", "sheets": [sheet]}) == [
        "NPS",
        "Q1",
        "Name: Bob; Score: 9; Comment: Great",
        "Name: Al; Score: 3",
        "Name: Cy; Comment: true",
    ]


def test_rows_as_objects_and_rows_with_a_header_row_are_read_alike() -> None:
    objects = {"rows": [{"Name": "Bob", "Comment": "Too slow"}]}
    values = {"values": [["Name", "Comment"], ["Bob", "Too slow"]]}
    assert texts("spreadsheet", objects) == texts("spreadsheet", values)
    assert texts("spreadsheet", objects) == ["Name: Bob; Comment: Too slow"]


def test_the_record_type_breaks_the_tie_between_rows_and_messages() -> None:
    data = {"rows": [{"author": "Bob", "text": "Too slow"}]}
    assert lines(read("conversation", data)) == [("Bob", "Too slow")]
    assert lines(read("spreadsheet", data)) == [(None, "author: Bob; text: Too slow")]


def test_meeting_notes_are_read_in_order_without_the_attendees() -> None:
    data = {
        "title": "Sync",
        "attendees": ["Bob", {"name": "Al", "email": "al@example.com"}],
        "summary": "We met.",
        "notes": "Discussed single sign-on.",
        "action_items": ["Bob: send the deck", {"text": "Call Al", "assignee": "Bob"}],
    }
    assert texts("meeting_notes", data) == [
        "Sync",
        "We met.",
        "Discussed single sign-on.",
        "Bob: send the deck",
        "Call Al",
    ]


def test_form_fields_keep_their_labels() -> None:
    data = {
        "answers": [
            {"question": "How was it?", "answer": "Slow"},
            {"label": "Plan", "value": "Pro"},
        ],
        "How likely, 0 to 10": 8,
    }
    assert texts("message", data) == ["How was it? Slow", "Plan: Pro", "How likely, 0 to 10: 8"]


def test_plain_text_is_one_utterance() -> None:
    assert read("message", {"text": "hey"}) == [Utterance("hey")]


def test_prose_beside_a_list_of_messages_is_read() -> None:
    data = {
        "messages": [{"from": "a", "text": "It broke again today"}],
        "resolution": {"comment_of_lead": "Gave them a refund"},
        "topic": "Outage",
        "state": "closed",
    }
    assert texts("conversation", data) == ["Outage", "It broke again today", "Gave them a refund"]


def test_an_unknown_shape_gives_its_strings_in_order() -> None:
    data = {"foo": {"bar": ["first words", {"z": "second words"}], "id": "a1"}, "q": "third"}
    assert texts("message", data) == ["first words", "second words", "third"]


def test_a_record_of_ids_alone_has_utterances() -> None:
    assert texts("message", {"ref": "abc_123", "url": "https://example.com/x"}) == [
        "abc_123",
        "https://example.com/x",
    ]


def test_a_participants_role_takes_precedence_unless_it_is_unknown() -> None:
    bot = Participant(id="bot", role="external")
    nobody = Participant(id="agent", role="unknown", name="Zed")
    data = {"messages": [{"from": "bot", "text": "a b"}, {"from": "agent", "text": "c d"}]}
    assert read("conversation", data, bot, nobody) == [
        Utterance("a b", "bot", "external"),
        Utterance("c d", "Zed", "internal"),
    ]


def test_an_empty_record_has_no_utterances() -> None:
    assert read("message", {}) == []
    assert read("message", {"text": "  \u0000 ", "messages": [], "n": 5}) == []
