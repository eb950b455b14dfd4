"""Events of webhooks and of bots: the sender beside the message, texts in parts and in JSON."""

import json
from typing import Any

import pytest

from everlake.analysis.utterances import extract_utterances

AT = "2026-02-10T08:15:00Z"
MS = 1770711300000
OPEN = "Is the lift open?"


def said(data: Any, record_type: str = "message") -> list[tuple[str | None, str | None, str]]:
    found = extract_utterances(record_type, json.dumps(data).encode())
    return [(x.speaker, x.role, x.text) for x in found]


MESSENGER = {
    "sender": {"id": "77"},
    "recipient": {"id": "1"},
    "timestamp": MS,
    "message": {"mid": "m_1", "text": OPEN, "nlp": {"traits": {"greeting": [{"value": "true"}]}}},
}
LINE = {
    "type": "message",
    "source": {"type": "user", "userId": "U5"},
    "timestamp": MS,
    "message": {"type": "text", "id": "1", "text": OPEN},
}
FEISHU = {
    "sender": {"sender_id": {"open_id": "ou_1"}, "sender_type": "user"},
    "message": {
        "message_id": "om_1",
        "create_time": str(MS),
        "content": json.dumps({"text": OPEN}),
    },
}
TRELLO = {
    "type": "commentCard",
    "date": AT,
    "data": {"text": OPEN, "board": {"name": "Ops"}},
    "memberCreator": {"fullName": "Per Bo", "username": "perbo"},
}


@pytest.mark.parametrize(
    ("event", "speaker"),
    [(MESSENGER, "77"), (LINE, "U5"), (FEISHU, "ou_1"), (TRELLO, "Per Bo")],
)
def test_sender_and_time_beside_the_message(event: dict[str, Any], speaker: str) -> None:
    found = extract_utterances("message", json.dumps(event).encode())
    assert [(x.speaker, x.text, x.said_at) for x in found if x.speaker] == [(speaker, OPEN, AT)]
    assert {x.text for x in found} <= {OPEN, "Ops"}


def test_direction_and_subject_beside_the_message() -> None:
    data = {
        "from": "Per Bo",
        "direction": "outbound",
        "subject": "The lift",
        "message": {"text": "It opens at nine.", "created_at": AT},
    }
    assert said(data) == [
        ("Per Bo", "internal", "The lift"),
        ("Per Bo", "internal", "It opens at nine."),
    ]


def test_feishu_post_and_stored_rich_text() -> None:
    mention = {"tag": "at", "user_id": "ou_2", "user_name": "Zoe"}
    lines = [[{"tag": "text", "text": "Ask "}, mention], [{"tag": "text", "text": "by noon"}]]
    post = {"title": "", "content": lines}
    assert said({"author": "Per Bo", "content": json.dumps(post)})[0][2] == "Ask @Zoe\nby noon"
    delta = json.dumps({"ops": [{"insert": "Call "}, {"insert": "me\n"}]})
    assert said({"author": "Per Bo", "body": delta}) == [("Per Bo", "unknown", "Call me")]


def test_json_that_is_no_message_stays_as_it_is() -> None:
    text = '{"level": "warn", "code": 17, "retry": true}'
    assert said({"author": "Per Bo", "text": text}) == [("Per Bo", "unknown", text)]


def test_parts_without_a_type_are_one_message() -> None:
    freshchat = {"message_parts": [{"text": {"content": OPEN}}], "actor_type": "agent",
                 "actor_id": "a1"}  # fmt: skip
    gemini = {"role": "user", "parts": [{"text": OPEN}, {"text": "And the bar?"}]}
    assert said(freshchat) == [("a1", "internal", OPEN)]
    assert [x[2] for x in said({"contents": [gemini]})] == [f"{OPEN}\nAnd the bar?"]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("queryText", "fulfillmentText"), ("prompt", "completion"), ("user_input", "bot_response")],
)
def test_exchange_with_a_bot(asked: str, answered: str) -> None:
    data = {asked: OPEN, answered: "It opens at nine."}
    assert said(data, "conversation") == [
        ("user", "external", OPEN),
        ("assistant", "internal", "It opens at nine."),
    ]


def test_prompt_of_a_form_is_no_exchange() -> None:
    data = {"prompt": "What is missing?", "answer": "A dark theme."}
    assert {x[0] for x in said(data, "document")} == {None}


def test_calls_of_tools_are_not_said() -> None:
    messages = [
        {"role": "user", "content": OPEN},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "t1", "name": "get_lift", "input": {"lift": "big one"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "content": "open till five"}]},
    ]
    assert said({"messages": messages}, "conversation") == [
        ("user", "external", OPEN),
        ("assistant", "internal", "Let me look."),
    ]


@pytest.mark.parametrize(
    "turns",
    [
        [
            {"type": "human", "data": {"content": OPEN}},
            {"type": "ai", "data": {"content": "It is."}},
        ],
        [{"event": "user", "text": OPEN}, {"event": "bot", "text": "It is."}],
    ],
)
def test_type_or_event_names_the_side(turns: list[dict[str, Any]]) -> None:
    assert [x[1:] for x in said({"turns": turns}, "conversation")] == [
        ("external", OPEN),
        ("internal", "It is."),
    ]


@pytest.mark.parametrize(("is_own", "speaker"), [(True, None), (False, "Ada Sol")])
def test_whatsapp_web(is_own: bool, speaker: str | None) -> None:
    data = {
        "key": {"remoteJid": "4790@s.whatsapp.net", "fromMe": is_own},
        "messageTimestamp": MS // 1000,
        "pushName": speaker,
        "message": {"extendedTextMessage": {"text": OPEN, "previewType": "NONE"}},
    }
    [message] = extract_utterances("message", json.dumps(data).encode())
    role = "internal" if is_own else "external"
    assert (message.speaker, message.role, message.text) == (speaker, role, OPEN)
    assert message.said_at == AT


def test_escaped_html_is_another_rendering() -> None:
    html = "&lt;p&gt;Is the lift open?&lt;/p&gt;"
    assert said({"author": "ada", "body": OPEN, "body_html": html}) == [("ada", "unknown", OPEN)]


@pytest.mark.parametrize(
    ("name", "words"),
    [("context", "Spring launch"), ("purpose", "To train swimmers")],
)
def test_a_few_words_of_prose_stay(name: str, words: str) -> None:
    data = {"title": "The pool", name: words, "body": "It is thirty degrees."}
    assert words in [x[2] for x in said(data, "document")]


def test_event_that_a_document_describes_stays() -> None:
    event = {"name": "Open day", "description": "Come and see the lifts."}
    assert [x[2] for x in said({"event": event}, "document")] == [*event.values()]


@pytest.mark.parametrize(
    "event",
    [
        {"author": {"name": "Per Bo"}, "body": "changed the title", "system": True},
        {"role": "tool", "content": '{"temp": 30}'},
        {"type": "system", "text": "Per Bo joined", "created_by": {"name": "Per Bo"}},
    ],
)
def test_reports_of_programs_are_not_said(event: dict[str, Any]) -> None:
    message = {"author": {"name": "Ada Sol"}, "body": OPEN}
    assert said([message, event], "conversation") == [("Ada Sol", "unknown", OPEN)]


@pytest.mark.parametrize(
    "context",
    [
        {"context": {"library": {"name": "analytics-ios"}, "network": {"carrier": "Telia"}}},
        {"environment": "production"},
        {"resolution": "1920 x 1080"},
        {"key": "OPS-7"},
        {"labels": [{"name": "bug", "description": "Something is not working as it should"}]},
    ],
)
def test_context_of_feedback_is_not_said(context: dict[str, Any]) -> None:
    assert [x[2] for x in said({"feedback": OPEN, **context}, "document")] == [OPEN]


def test_direction_beside_a_payload() -> None:
    data = {"direction": "incoming", "payload": {"type": "text", "text": OPEN}, "createdAt": AT}
    [message] = extract_utterances("conversation", json.dumps(data).encode())
    assert (message.role, message.text, message.said_at) == ("external", OPEN, AT)


def test_input_and_output_of_a_recipe_are_no_exchange() -> None:
    data = {"title": "Baking", "input": "Flour and water", "output": "Warm bread"}
    assert {x[:2] for x in said(data, "document")} == {(None, None)}
