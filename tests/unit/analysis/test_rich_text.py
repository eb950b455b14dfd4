"""Rich text of editors and chats: runs of a line stay together, mentions in their place."""

import json
from typing import Any

import pytest

from everlake.analysis.utterances import extract_utterances


def texts(data: dict[str, Any], record_type: str = "document") -> list[str]:
    return [x.text for x in extract_utterances(record_type, json.dumps(data).encode())]


def run(text: str, **members: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **members}


def node(kind: str, *content: dict[str, Any], **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "attrs": attrs, "content": list(content)}


SLATE = [{"type": "paragraph", "children": [
    {"text": "Ask "}, {"type": "mention", "character": "Zoe", "children": [{"text": ""}]},
    {"text": " "}, {"text": "now", "bold": True}]}]  # fmt: skip
UNTYPED = [{"children": [{"text": "Ask @Zoe "}, {"text": "now"}]}]
TIPTAP = node("doc", node("paragraph", run("Ask "), node("mention", id="u1", label="Zoe"),
              run(" now")))  # fmt: skip
ATLASSIAN = node("doc", node("paragraph", run("Ask "), node("mention", id="5", text="@Zoe"),
                 run(" now")))  # fmt: skip
QUILL = {"ops": [{"insert": "Ask "}, {"insert": {"mention": {"id": "u1", "value": "Zoe"}}},
                 {"insert": " now", "attributes": {"bold": True}}, {"insert": "\n"}]}  # fmt: skip
LEXICAL = {"root": {"type": "root", "direction": "ltr", "children": [
    {"type": "paragraph", "children": [
        {"type": "text", "text": "Ask ", "mode": "normal", "version": 1},
        {"type": "mention", "mentionName": "Zoe Ash", "text": "@Zoe"},
        {"type": "text", "text": " now", "mode": "normal", "version": 1}]}]}}  # fmt: skip
NOTION = {"type": "paragraph", "paragraph": {"color": "default", "rich_text": [
    {"type": "text", "text": {"content": "Ask "}, "plain_text": "Ask "},
    {"type": "mention", "mention": {"type": "user", "user": {"name": "Zoe"}},
     "plain_text": "@Zoe"},
    {"type": "text", "text": {"content": " now"}, "plain_text": " now"}]}}  # fmt: skip
CONTENTFUL = {"nodeType": "document", "data": {}, "content": [
    {"nodeType": "paragraph", "data": {}, "content": [
        {"nodeType": "text", "value": "Ask ", "marks": [], "data": {}},
        {"nodeType": "hyperlink", "data": {"uri": "https://a.io"}, "content": [
            {"nodeType": "text", "value": "@Zoe", "marks": [], "data": {}}]},
        {"nodeType": "text", "value": " now", "marks": [], "data": {}}]}]}  # fmt: skip
PORTABLE = [{"_type": "block", "_key": "k1", "style": "normal", "markDefs": [], "children": [
    {"_type": "span", "_key": "k2", "text": "Ask @Zoe", "marks": ["strong"]},
    {"_type": "span", "_key": "k3", "text": " now", "marks": []}]}]  # fmt: skip
TELEGRAM = ["Ask ", {"type": "mention", "text": "@Zoe"}, {"type": "italic", "text": " now"}]


@pytest.mark.parametrize(
    "body",
    [SLATE, UNTYPED, TIPTAP, ATLASSIAN, QUILL, LEXICAL, NOTION, CONTENTFUL, PORTABLE, TELEGRAM],
)
def test_a_line_of_runs_is_one_line(body: Any) -> None:
    assert texts({"body": body}) == ["Ask @Zoe now"]


def test_blocks_of_editors_are_lines() -> None:
    def cell(text: str) -> dict[str, Any]:
        return node("tableCell", node("paragraph", run(text)))

    items = [node("listItem", node("paragraph", run(text))) for text in ("one", "two")]
    tree = node(
        "doc",
        node("heading", run("Plan"), level=2),
        node("bulletList", *items),
        node("codeBlock", run("x = 1\ny = 2"), language="python"),
        node("table", node("tableRow", cell("a b"), cell("c"))),
        node("paragraph", run("red"), {"type": "hardBreak"}, run("blue"), textAlign="left"),
    )
    assert texts({"content": tree}) == ["Plan\none\ntwo\nx = 1\ny = 2\na b | c\nred\nblue"]


def test_blocks_with_data_are_lines() -> None:
    blocks = [
        {"id": "q2", "type": "header", "data": {"text": "Plan &amp; more", "level": 2}},
        {"type": "paragraph", "data": {"text": "We will <b>not</b> renew."}},
        {"type": "list", "data": {"style": "unordered", "items": ["a", {"content": "b"}]}},
        {"type": "table", "data": {"content": [["k", "v"], ["m", "n"]]}},
    ]
    assert texts({"time": 1714640460000, "blocks": blocks, "version": "2.28.0"}) == [
        "Plan & more\nWe will not renew.\na\nb\nk | v\nm | n"
    ]


def test_a_mention_in_another_rendering_is_no_new_text() -> None:
    elements = [run("Hi "), {"type": "user", "user_id": "U2"}, run(", it fails "),
                {"type": "emoji", "name": "wave", "unicode": "1f44b"},
                {"type": "broadcast", "range": "here"}]  # fmt: skip
    section = {"type": "rich_text_section", "elements": elements}
    blocks = [{"type": "rich_text", "elements": [section]}]
    message = {"user": "U1", "text": "Hi <@U2>, it fails :wave: <!here>", "blocks": blocks}
    users = [{"id": "U1", "name": "mira"}, {"id": "U2", "name": "o", "real_name": "Oskar Lind"}]
    assert texts({"messages": [message]}, "conversation") == ["Hi <@U2>, it fails :wave: @here"]
    assert texts({"messages": [message], "users": users}, "conversation") == [
        "Hi @Oskar Lind, it fails :wave: @here"
    ]
    assert texts({"messages": [{**message, "text": ""}], "users": users}, "conversation") == [
        "Hi @Oskar Lind, it fails \U0001f44b@here"
    ]


def test_channels_and_links_in_messages_keep_their_labels() -> None:
    text = "See <#C12|billing>, <https://a.io/x|the page>, <https://a.io> and List<String>"
    assert texts({"text": text}, "message") == [
        "See #billing, the page, https://a.io and List<String>"
    ]


def test_messages_with_a_role_as_type_are_no_runs() -> None:
    data = {"log": [{"type": "user", "text": "Where is it?"}, {"type": "bot", "text": "Here"}]}
    found = extract_utterances("conversation", json.dumps(data).encode())
    assert [(x.role, x.text) for x in found] == [("external", "Where is it?"), ("internal", "Here")]


def test_items_of_a_list_are_lines_and_cells_of_a_table_one_line() -> None:
    blocks = [
        {"type": "list", "data": {"style": "unordered", "items": ["Open?", "Closed?"]}},
        {"type": "table", "data": {"content": [["Day", "Hour"], ["Monday", "Nine"]]}},
    ]
    assert texts({"body": {"blocks": blocks}}) == ["Open?\nClosed?\nDay | Hour\nMonday | Nine"]


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("delta", {"ops": [{"insert": "Please "}, {"insert": "never call.\n"}]}),
        (
            "description",
            node("doc", node("paragraph", run("Please never call."))),
        ),
        ("blocks", [{"type": "paragraph", "children": [{"text": "Please never call."}]}]),
        ("anything", {"root": {"children": [
            {"type": "paragraph", "children": [{"type": "text", "text": "Please never call."}]}]}}),
    ],
)  # fmt: skip
def test_rich_text_beside_an_author_is_what_the_author_says(name: str, document: Any) -> None:
    data = {"author": "Rosa Teague", name: document}
    found = extract_utterances("message", json.dumps(data).encode())
    assert [(x.speaker, x.text) for x in found] == [("Rosa Teague", "Please never call.")]
