"""Objects of vendors, in the form that their documentation gives."""

import json
from typing import Any

import pytest

from everlake.analysis.utterances import extract_utterances

AT = "2024-05-02T09:00:00Z"
LATER = "2024-05-03T09:00:00Z"


def said(data: dict[str, Any], record_type: str = "conversation") -> list[tuple[str | None, ...]]:
    found = extract_utterances(record_type, json.dumps(data).encode())
    return [(x.speaker, x.role, x.text) for x in found]


def texts(data: dict[str, Any], record_type: str = "conversation") -> list[str]:
    return [x.text for x in extract_utterances(record_type, json.dumps(data).encode())]


def test_slack_edits_bots_and_joins() -> None:
    def message(**members: Any) -> dict[str, Any]:
        return {"type": "message", "ts": "1714640460.000200", "team": "T024BE7LD", **members}

    edited = message(user="U2", text="fixed text", edited={"user": "U2", "ts": "1714640470.0"})
    data = {
        "messages": [
            message(
                subtype="bot_message",
                bot_id="B1",
                bot_profile={"id": "B1", "name": "Deployer"},
                text="Deployed now",
                attachments=[{"fallback": "Build: green", "color": "#36a64f", "text": "All green",
                              "footer": "CI"}],
            ),
            message(subtype="channel_join", user="U2", text="<@U2> has joined the channel"),
            message(
                subtype="message_changed",
                message=edited,
                previous_message=message(user="U2", text="fxied txet"),
            ),
            message(user="U2", text="Done", user_profile={"real_name": "Oskar Lind"},
                    reactions=[{"name": "thumbsup", "users": ["U3"], "count": 1}]),
        ]
    }  # fmt: skip
    assert said(data) == [
        ("Deployer", "internal", "Deployed now"),
        (None, None, "All green"),
        ("Oskar Lind", "unknown", "fixed text"),
        ("Oskar Lind", "unknown", "Done"),
    ]


def test_telegram_services_and_forwards() -> None:
    sender = {"date": "2024-05-02T09:00:00", "from": "Mira", "from_id": "user1"}
    data = {
        "messages": [
            {"type": "service", "actor": "Mira", "action": "pin_message", "text": ""},
            {"type": "message", **sender, "text": "Look at this"},
            {"type": "message", **sender, "forwarded_from": "Kim", "text": "It is down"},
        ]
    }
    assert said(data) == [("Mira", "unknown", "Look at this"), (None, None, "It is down")]


def test_discord_answers_do_not_repeat_the_question() -> None:
    mira = {"id": "222", "username": "mira_v", "global_name": "Mira Vogel"}
    oskar = {"id": "111", "username": "oskar_l", "global_name": None}
    question = {"type": 0, "author": mira, "content": "It is broken", "timestamp": AT}
    answer = {"type": 19, "author": oskar, "content": "<@222> fixed", "timestamp": LATER,
              "mentions": [mira], "referenced_message": question}  # fmt: skip
    joined = {"type": 7, "author": oskar, "content": "hop", "timestamp": AT}
    assert said({"messages": [question, answer, joined]}) == [
        ("Mira Vogel", "unknown", "It is broken"),
        ("oskar_l", "unknown", "@Mira Vogel fixed"),
    ]
    assert said({"messages": [answer]})[1:] == [(None, None, "It is broken")]


def test_teams_events_are_not_said() -> None:
    event = {"messageType": "systemEventMessage", "from": None, "createdDateTime": AT,
             "body": {"contentType": "html", "content": "<systemEventMessage/>"}}  # fmt: skip
    message = {"messageType": "message", "importance": "high", "locale": "en-us", "from": {
        "user": {"displayName": "Zoe Ash", "userIdentityType": "aadUser"}}, "body": {
        "contentType": "html", "content": '<p>Hi <at id="0">Al</at>, done</p>'}}  # fmt: skip
    assert said({"@odata.context": "https://a.io/$metadata#b", "value": [event, message]}) == [
        ("Zoe Ash", "unknown", "Hi Al, done")
    ]


def test_chatwoot_numbers_tell_the_direction() -> None:
    contact, agent = {"name": "Mira", "type": "contact"}, {"name": "Oskar", "type": "user"}
    messages = [
        {"content": "Help me", "message_type": 0, "sender": contact, "created_at": 1714640460},
        {"content": "Sure", "message_type": 1, "sender": agent, "created_at": 1714640470},
        {"content": "Resolved by Oskar", "message_type": 2, "created_at": 1714640480},
    ]
    assert said({"messages": messages}) == [
        ("Mira", "external", "Help me"),
        ("Oskar", "internal", "Sure"),
    ]


@pytest.mark.parametrize("kind", ["agent:17", "agent"])
def test_zendesk_chat_history(kind: str) -> None:
    history = [
        {"type": "chat.memberjoin", "nick": "visitor:1", "name": "Mira", "timestamp": AT},
        {"type": "chat.msg", "nick": "visitor:1", "name": "Mira", "msg": "Hi", "timestamp": AT},
        {"type": "chat.msg", "nick": kind, "name": "Oskar", "msg": "Yes", "timestamp": AT},
    ]
    assert said({"history": history, "session": {"city": "Bonn"}}) == [
        ("Mira", "external", "Hi"),
        ("Oskar", "internal", "Yes"),
    ]


@pytest.mark.parametrize(
    "review",
    [
        {"userName": "Mira", "content": "It crashes", "replyContent": "Fixed", "repliedAt": LATER},
        {"userName": "Mira", "text": "It crashes", "replyText": "Fixed", "replyDate": LATER},
        {"consumer": {"displayName": "Mira"}, "text": "It crashes",
         "companyReply": {"text": "Fixed", "createdAt": LATER}},
        {"reviewer": {"displayName": "Mira"}, "comment": "It crashes",
         "reviewReply": {"comment": "Fixed", "createdAt": LATER}},
        {"authorName": "Mira", "comments": [
            {"userComment": {"text": "It crashes", "lastModified": {"seconds": "1714640460"}}},
            {"developerComment": {"text": "Fixed", "lastModified": {"seconds": "1714726800"}}}]},
    ],
)  # fmt: skip
def test_a_reply_to_a_review_is_of_the_house(review: dict[str, Any]) -> None:
    found = extract_utterances("conversation", json.dumps({"reviews": [review]}).encode())
    assert [(x.speaker, x.role, x.text) for x in found] == [
        ("Mira", "unknown", "It crashes"),
        (None, "internal", "Fixed"),
    ]
    assert found[1].said_at == LATER


def test_apples_feed_is_unwrapped() -> None:
    entry = {
        "author": {"name": {"label": "mira_v"}, "uri": {"label": "https://a.io/1"}},
        "updated": {"label": AT},
        "im:rating": {"label": "2"},
        "title": {"label": "Crashes"},
        "content": {"label": "It crashes daily", "attributes": {"type": "text"}},
    }
    data = {"feed": {"author": {"name": {"label": "iTunes Store"}}, "entry": [entry]}}
    assert said(data) == [
        ("mira_v", "unknown", "Crashes"),
        ("mira_v", "unknown", "It crashes daily"),
    ]


def test_resources_with_attributes_are_messages() -> None:
    data = {
        "data": [
            {"type": "message", "id": "5", "attributes": {
                "preview": "Where is it?", "direction": "in", "channel": "email",
                "meta": {"from": "m@n.io"}, "sentAt": AT}},
            {"type": "message", "id": "6", "attributes": {
                "preview": "It is coming", "direction": "out", "sentAt": AT}},
        ]
    }  # fmt: skip
    assert said(data) == [
        ("m@n.io", "external", "Where is it?"),
        (None, "internal", "It is coming"),
    ]


def test_properties_of_hubspot_lose_their_prefix() -> None:
    email = {"hs_email_subject": "Order", "hs_email_text": "Where is it?",
             "hs_email_html": "<p>Where is it?</p>", "hs_email_direction": "INCOMING_EMAIL",
             "hs_email_from_firstname": "Mira", "hs_email_from_lastname": "Vogel",
             "hs_timestamp": AT, "hs_object_id": "51"}  # fmt: skip
    assert said({"results": [{"id": "51", "properties": email, "archived": False}]}) == [
        ("Mira Vogel", "external", "Order"),
        ("Mira Vogel", "external", "Where is it?"),
    ]


def test_answers_to_surveys_keep_their_questions() -> None:
    fields = [{"id": "a", "ref": "r1", "title": "How was it?"}, {"id": "b", "title": "Plan"},
              {"id": "c", "title": "Again?"}]  # fmt: skip
    answers = [
        {"type": "text", "text": "Quite slow", "field": {"id": "z", "ref": "r1"}},
        {"type": "choice", "choice": {"label": "Pro"}, "field": {"id": "b", "ref": "r2"}},
        {"type": "boolean", "boolean": True, "field": {"id": "c"}},
    ]
    definition = {"title": "Our form", "fields": fields}
    response = {"form_id": "x1", "definition": definition, "answers": answers}
    expected = ["How was it? Quite slow", "Plan: Pro", "Again? yes"]
    assert texts({"form_response": response}) == ["Our form", *expected]
    pages = [{"questions": [{"heading": "How was it?", "answers": [{"text": "Quite slow"}]}]}]
    assert texts({"pages": pages}) == expected[:1]


def test_a_salesforce_chat_is_split_into_turns() -> None:
    body = (
        '<p align="center">Chat Started: Thursday, May 02, 2024</p><p align="center">Agent Oskar L'
        "</p>( 12s ) Mira: Hi there<br>( 1m 5s ) Oskar L: Hello<br>and welcome<br>"
    )
    data = {"Id": "570", "Name": "00000001", "StartTime": AT, "Body": body}
    found = extract_utterances("conversation", json.dumps(data).encode())
    assert [(x.speaker, x.role, x.text, x.said_at) for x in found] == [
        ("Mira", "external", "Hi there", "2024-05-02T09:00:12Z"),
        ("Oskar L", "internal", "Hello\nand welcome", "2024-05-02T09:01:05Z"),
    ]


def test_an_issue_is_said_by_its_reporter_and_its_labels_are_not() -> None:
    data = {
        "fields": {
            "summary": "The export fails",
            "description": "Since Monday",
            "creator": {"displayName": "Kim", "accountId": "5"},
            "reporter": {"displayName": "Mira Vogel"},
            "issuetype": {"name": "Bug", "description": "A problem"},
            "status": {"name": "In Progress", "description": "Somebody works on it right now, see"},
            "labels": ["very urgent"],
        }
    }
    assert {speaker for speaker, _, _ in said(data)} == {"Mira Vogel"}


def test_a_message_of_whatsapps_api_has_its_sender() -> None:
    value = {
        "contacts": [{"profile": {"name": "Mira"}, "wa_id": "4917012345"}],
        "messages": [{"from": "4917012345", "timestamp": "1714640460", "type": "text",
                      "text": {"body": "Where is it?"}}],
    }  # fmt: skip
    assert said({"entry": [{"changes": [{"field": "messages", "value": value}]}]}) == [
        ("Mira", "unknown", "Where is it?")
    ]


def test_the_sender_of_a_front_message_is_among_its_recipients() -> None:
    recipients = [{"handle": "help@us.io", "role": "to"},
                  {"handle": "m@n.io", "name": "Mira", "role": "from"}]  # fmt: skip
    message = {"type": "email", "is_inbound": True, "text": "Where is it?",
               "recipients": recipients,
               "_links": {"self": "https://api2.frontapp.com/messages/msg_1"}}  # fmt: skip
    assert said({"_results": [message]}) == [("Mira", "external", "Where is it?")]


def test_a_google_document_has_a_line_per_paragraph_and_row() -> None:
    def paragraph(*elements: dict[str, Any]) -> dict[str, Any]:
        style = {"namedStyleType": "NORMAL_TEXT", "direction": "LEFT_TO_RIGHT"}
        return {"paragraph": {"elements": list(elements), "paragraphStyle": style}}

    def run(text: str) -> dict[str, Any]:
        return {"textRun": {"content": text, "textStyle": {"bold": True}}}

    person = {"person": {"personId": "kix.1", "personProperties": {"name": "Mira Vogel"}}}
    cells = [{"content": [paragraph(run(text))]} for text in ("a\n", "b\n")]
    content = [
        {"sectionBreak": {"sectionStyle": {"columnSeparatorStyle": "NONE"}}},
        paragraph(run("Ask "), person, run(" now\n")),
        {"table": {"rows": 1, "tableRows": [{"tableCells": cells}]}},
    ]
    data = {"title": "Notes", "body": {"content": content}, "documentId": "195j",
            "suggestionsViewMode": "SUGGESTIONS_INLINE"}  # fmt: skip
    assert texts(data, "document") == ["Notes", "Ask Mira Vogel now\na | b"]


def test_kustomer_conversation_beside_its_messages() -> None:
    def message(direction: str, body: str, sent_at: str) -> dict[str, Any]:
        attributes = {"channel": "chat", "direction": direction, "body": body, "sentAt": sent_at}
        return {"type": "message", "id": body[:2], "attributes": attributes}

    data = {
        "type": "conversation",
        "id": "c-9",
        "attributes": {"name": "Lost card", "channels": ["chat"], "status": "open"},
        "messages": [message("in", "My card is gone.", AT), message("out", "We sent one.", LATER)],
    }
    found = extract_utterances("conversation", json.dumps(data).encode())
    assert [(x.role, x.text, x.said_at) for x in found] == [
        (None, "Lost card", None),
        ("external", "My card is gone.", AT),
        ("internal", "We sent one.", LATER),
    ]


def test_intercom_source_has_the_time_of_its_conversation() -> None:
    data = {
        "type": "conversation",
        "created_at": AT,
        "source": {"body": "<p>Where is it?</p>", "author": {"type": "lead", "name": "Ann Ray"}},
        "conversation_parts": {"conversation_parts": []},
    }
    [first] = extract_utterances("conversation", json.dumps(data).encode())
    assert (first.speaker, first.said_at) == ("Ann Ray", AT)


def test_answers_of_a_survey_have_the_time_of_its_response() -> None:
    data = {
        "submitted_at": AT,
        "definition": {"fields": [{"id": "f1", "title": "What is missing?"}]},
        "answers": [{"type": "text", "text": "A dark theme.", "field": {"id": "f1"}}],
    }
    [answer] = extract_utterances("document", json.dumps(data).encode())
    assert (answer.text, answer.said_at) == ("What is missing? A dark theme.", AT)


@pytest.mark.parametrize("container", ["repository", "thread", "session", "space"])
def test_container_with_messages_is_no_metadata(container: str) -> None:
    comment = {"author": {"login": "tern"}, "bodyText": "The icons are gone.", "createdAt": AT}
    data = {container: {"name": "lamp", "discussion": {"comments": {"nodes": [comment]}}}}
    [only] = [x for x in extract_utterances("conversation", json.dumps(data).encode()) if x.speaker]
    assert (only.speaker, only.text, only.said_at) == ("tern", "The icons are gone.", AT)


def test_container_without_messages_is_metadata() -> None:
    data = {
        "author": "tern",
        "text": "The icons are gone.",
        "repository": {"name": "lamp shop", "owner": {"login": "moth"}},
    }
    assert texts(data) == ["The icons are gone."]
