"""Contract, Record: every row of the table, and who keeps it and who breaks it.

The judgement is that of a dry run, which test_record_errors.py holds to that of a real one.
"""

from typing import Any

import pytest

from tests.support.api_workspaces import messages
from tests.support.server import ApiClient

TYPES = [
    "email",
    "email_thread",
    "call",
    "call_transcription",
    "meeting_notes",
    "conversation",
    "message",
    "document",
    "spreadsheet",
]
LIKE_STRING = [None, 1, True, [], {}, ["x"]]

Places = list[str]


def judge(api: ApiClient, record: Any) -> Places:
    """The places that are found at fault, in a request of this one record."""
    answer = api.post([record], params={"dry_run": "true"})
    assert answer.status_code == 200, answer.text
    found = messages(answer)
    body = answer.json()
    assert body["totalErrorCount"] == len(found)
    assert (body["acceptedCount"], body["rejectedCount"]) == ((0, 1) if found else (1, 0))
    return [message.split(":")[0] for message in found]


def person(**members: Any) -> dict[str, Any]:
    record = {"id": "p", "role": "unknown", **members}
    return {name: value for name, value in record.items() if value is not ...}


def file(**members: Any) -> dict[str, Any]:
    record = {"type": "file", **members}
    return {name: value for name, value in record.items() if value is not ...}


def entity(**members: Any) -> dict[str, Any]:
    record = {"type": "name", **members}
    return {"detected_entities": [{n: v for n, v in record.items() if v is not ...}]}


RIGHT: list[dict[str, Any]] = [
    *({"_type": name} for name in TYPES),
    *({"_type": name} for name in (" Email", "EMAIL\t", "\n Email_Thread ", "\u00a0call")),
    *(
        {"_event_at": text}
        for text in (
            "2026-03-01T10:00:00Z",
            "2026-03-01T10:00:00.1Z",
            "2026-03-01T10:00:00.12Z",
            "2026-03-01T10:00:00.123Z",
            "2024-02-29T23:59:59.999Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        )
    ),
    {"_vendor_ids": {"a": "", "": "b", "é": "x" * 10_000}},
    {"_project_ids": ..., "_project_id": "PROJECT"},
    {"_project_ids": ["PROJECT", "PROJECT"], "_project_id": "PROJECT"},
    {"data": {}},
    {"data": {"_type": 1, "any": [None, {"x": []}]}},
    *({"_nature": text} for text in ("evidence", "guidance", "context")),
    {"_thread_id": ""},
    {"_thread_id": "é" * 512},
    {"_thread_id": "😀" * 512},
    {"_participants": []},
    *({"_participants": [person(role=role)]} for role in ("internal", "external", "unknown")),
    {"_participants": [person(id="😀" * 256, name="😀" * 256)]},
    {"_participants": [person(email="é" * 308 + "@example.com")]},
    {"_participants": [person(email="first.last+tag@sub.example.co.uk")]},
    *(
        {"_participants": [person(type=kind)]}
        for kind in ("user", "contact", "workspace_member", "bot", "system", "unknown")
    ),
    {"_attachments": []},
    *(
        {"_attachments": [file(type=kind)]}
        for kind in ("audio", "video", "file", "image", "text", "unknown")
    ),
    {"_attachments": [file(filename="é" * 512, mime_type="é" * 256)]},
    {"_attachments": [file(sha1="é" * 128, md5="é" * 128)]},
    *({"_attachments": [file(size=size)]} for size in (0, 1, 2**31, 2**53, 2**63, 10**30)),
    *(
        {"_attachments": [file(vendor_url=url)]}
        for url in (
            "https://example.com/a?b=c#d",
            "HTTP://EXAMPLE.COM",
            "http://[::1]:80/",
            "https://example.com/" + "x" * 2_028,
        )
    ),
    {"_tags": []},
    {"_tags": ["", "é" * 64, "😀" * 64, "same", "same"]},
    {"_pii": {}},
    {"_pii": {"contains_email": True, "contains_phone": False}},
    *({"_pii": {"sensitive_score": score}} for score in (0, 1, 0.0, 1.0, 0.5, 1e-300)),
    {"_pii": {"detected_entities": []}},
    {"_pii": entity(type="é" * 64, value="é" * 1_024, confidence=1)},
    {"_pii": entity(confidence=0)},
    *({"_pii": {"redaction_status": text}} for text in ("unredacted", "redacted", "encrypted")),
]


@pytest.mark.parametrize("changes", RIGHT, ids=str)
def test_a_record_that_keeps_every_rule_is_accepted(
    api: ApiClient, changes: dict[str, Any]
) -> None:
    assert judge(api, api.record(**placed(api, changes))) == []


def placed(api: ApiClient, changes: dict[str, Any]) -> dict[str, Any]:
    project = api.setup["project_id"]
    known = dict(changes)
    if known.get("_project_id") == "PROJECT":
        known["_project_id"] = project
    if "PROJECT" in str(known.get("_project_ids", "")):
        known["_project_ids"] = [project for _ in known["_project_ids"]]
    return known


REQUIRED = ["_type", "_schema_version", "_event_at", "_vendor_ids", "_product_id", "data"]


@pytest.mark.parametrize("member", REQUIRED)
def test_a_required_member_cannot_be_left_out(api: ApiClient, member: str) -> None:
    assert judge(api, api.record(**{member: ...})) == [member]


def test_one_spelling_of_the_projects_is_required(api: ApiClient) -> None:
    assert judge(api, api.record(_project_ids=...)) == ["_project_ids"]


@pytest.mark.parametrize(
    "member",
    [
        *REQUIRED,
        *("_project_ids", "_project_id", "_nature", "_thread_id", "_participants"),
        *("_attachments", "_tags", "_pii"),
    ],
)
def test_null_is_not_a_way_to_leave_a_member_out(api: ApiClient, member: str) -> None:
    assert judge(api, api.record(**{member: None})) == [member]


@pytest.mark.parametrize("member", ["x", "type", "Data", "_Type", "_project", "", "_event_at "])
def test_a_member_that_the_envelope_does_not_name_is_an_error(api: ApiClient, member: str) -> None:
    answer = api.post([api.record(**{member: 1})], params={"dry_run": "true"})
    (message,) = messages(answer)
    assert "put it inside data" in message


WRONG: list[tuple[str, dict[str, Any]]] = [
    *(("_type", {"_type": text}) for text in ("", "mail", "e mail", "email,call", "ema\u0131l")),
    *(("_type", {"_type": value}) for value in LIKE_STRING),
    *(("_schema_version", {"_schema_version": text}) for text in ("1.0", "1.0.1", " 1.0.0", "")),
    *(("_schema_version", {"_schema_version": value}) for value in LIKE_STRING),
    *(
        ("_event_at", {"_event_at": text})
        for text in (
            "",
            "2026-03-01",
            "2026-03-01T10:00:00",
            "2026-03-01T10:00Z",
            "2026-03-01 10:00:00Z",
            "2026-03-01t10:00:00Z",
            "2026-03-01T10:00:00z",
            "2026-03-01T10:00:00.Z",
            "2026-03-01T10:00:00.1234Z",
            "2026-03-01T10:00:00,1Z",
            "2026-03-01T10:00:00+00:00",
            "2026-03-01T10:00:00.123+00:00",
            " 2026-03-01T10:00:00Z",
            "2026-03-01T10:00:00Z\n",
            "2026-02-29T10:00:00Z",
            "2026-13-01T10:00:00Z",
            "2026-00-01T10:00:00Z",
            "2026-04-31T10:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T10:60:00Z",
            "2026-03-01T23:59:60Z",
            "0000-01-01T00:00:00Z",
            "\u0662\u0660\u0662\u0666-03-01T10:00:00Z",
            "2026-03-01T10:00:00.\u0661Z",
            "20260301T100000Z",
            "12026-03-01T10:00:00Z",
        )
    ),
    *(("_event_at", {"_event_at": value}) for value in (None, 1_772_359_200, True, [], {})),
    *(("_vendor_ids", {"_vendor_ids": value}) for value in ({}, None, 1, "x", [], [["a", "b"]])),
    *(("_vendor_ids.a", {"_vendor_ids": {"a": value}}) for value in LIKE_STRING),
    *(("_product_id", {"_product_id": value}) for value in LIKE_STRING),
    *(("_project_ids", {"_project_ids": value}) for value in ([], None, 1, "x", {})),
    *(("_project_ids[1]", {"_project_ids": ["proj-1", value]}) for value in LIKE_STRING),
    ("_project_ids[0]", {"_project_ids": ["x" * 129]}),
    *(("_project_id", {"_project_id": value}) for value in LIKE_STRING),
    ("_project_id", {"_project_id": "x" * 129}),
    *(("data", {"data": value}) for value in (None, 1, "x", True, [], [{}])),
    *(("_nature", {"_nature": value}) for value in ("", "Evidence", " context", *LIKE_STRING)),
    *(("_thread_id", {"_thread_id": value}) for value in ("x" * 513, "😀" * 513, *LIKE_STRING)),
    *(("_participants", {"_participants": value}) for value in (None, 1, "x", {})),
    *(("_participants[0]", {"_participants": [value]}) for value in (None, 1, "x", [])),
    ("_participants[0].id", {"_participants": [person(id=...)]}),
    ("_participants[0].id", {"_participants": [person(id="x" * 257)]}),
    ("_participants[0].id", {"_participants": [person(id=1)]}),
    ("_participants[1].role", {"_participants": [person(), person(role=...)]}),
    ("_participants[0].role", {"_participants": [person(role="customer")]}),
    ("_participants[0].role", {"_participants": [person(role="Internal")]}),
    ("_participants[0].role", {"_participants": [person(role=None)]}),
    ("_participants[0].name", {"_participants": [person(name="x" * 257)]}),
    ("_participants[0].name", {"_participants": [person(name=None)]}),
    *(
        ("_participants[0].email", {"_participants": [person(email=text)]})
        for text in (
            "",
            "nobody",
            "a@",
            "@b",
            "a b@c.d",
            "a@b@c.d",
            "a@b.c\n",
            "x" * 315 + "@ab.cd",
            None,
            1,
        )
    ),
    *(
        ("_participants[0].type", {"_participants": [person(type=value)]})
        for value in ("", "human", "User", None, 1)
    ),
    ("_participants[0].x", {"_participants": [person(x=1)]}),
    *(("_attachments", {"_attachments": value}) for value in (None, 1, "x", {})),
    *(("_attachments[0]", {"_attachments": [value]}) for value in (None, 1, "x", [])),
    *(
        ("_attachments[0].type", {"_attachments": [file(type=value)]})
        for value in (..., "", "pdf", "File", None, 1)
    ),
    ("_attachments[0].filename", {"_attachments": [file(filename="x" * 513)]}),
    *(
        ("_attachments[0].size", {"_attachments": [file(size=value)]})
        for value in (-1, 1.5, "1", None, True, -(2**63))
    ),
    ("_attachments[0].mime_type", {"_attachments": [file(mime_type="x" * 257)]}),
    ("_attachments[0].sha1", {"_attachments": [file(sha1="x" * 129)]}),
    ("_attachments[0].md5", {"_attachments": [file(md5="x" * 129)]}),
    *(
        ("_attachments[0].vendor_url", {"_attachments": [file(vendor_url=value)]})
        for value in (
            "",
            "/a/b",
            "//example.com/a",
            "example.com",
            "ftp://example.com/a",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://",
            "http:///a",
            "https://example.com/a b",
            "https://example.com/\n",
            " https://example.com/",
            "https://example.com/" + "x" * 2_029,
            None,
            1,
        )
    ),
    ("_attachments[0].upload_intent_id", {"_attachments": [file(upload_intent_id="x" * 257)]}),
    ("_attachments[0].url", {"_attachments": [file(url="https://example.com")]}),
    *(("_tags", {"_tags": value}) for value in (None, 1, "x", {}, ["x"] * 201)),
    *(("_tags[1]", {"_tags": ["x", value]}) for value in ("x" * 65, "😀" * 65, *LIKE_STRING)),
    *(("_pii", {"_pii": value}) for value in (None, 1, "x", [], True)),
    ("_pii.x", {"_pii": {"x": 1}}),
    *(("_pii.contains_email", {"_pii": {"contains_email": v}}) for v in (None, 0, 1, "true")),
    *(("_pii.contains_phone", {"_pii": {"contains_phone": v}}) for v in (None, 0, 1, "true")),
    *(
        ("_pii.sensitive_score", {"_pii": {"sensitive_score": value}})
        for value in (-0.001, 1.001, 2, -1, None, "0.5", True, 10**400)
    ),
    *(("_pii.detected_entities", {"_pii": {"detected_entities": v}}) for v in (None, 1, "x", {})),
    *(
        ("_pii.detected_entities[0]", {"_pii": {"detected_entities": [value]}})
        for value in (None, 1, "x", [])
    ),
    ("_pii.detected_entities[0].type", {"_pii": entity(type=...)}),
    ("_pii.detected_entities[0].type", {"_pii": entity(type="x" * 65)}),
    ("_pii.detected_entities[0].value", {"_pii": entity(value="x" * 1_025)}),
    ("_pii.detected_entities[0].confidence", {"_pii": entity(confidence=1.1)}),
    ("_pii.detected_entities[0].confidence", {"_pii": entity(confidence=-0.1)}),
    ("_pii.detected_entities[0].confidence", {"_pii": entity(confidence=None)}),
    ("_pii.detected_entities[0].x", {"_pii": entity(x=1)}),
    *(
        ("_pii.redaction_status", {"_pii": {"redaction_status": value}})
        for value in ("", "Redacted", "none", None, 1)
    ),
]


@pytest.mark.parametrize(("place", "changes"), WRONG, ids=lambda value: repr(value)[:80])
def test_a_record_that_breaks_a_rule_is_told_the_place(
    api: ApiClient, place: str, changes: dict[str, Any]
) -> None:
    found = judge(api, api.record(**changes))
    assert place in found
    assert set(found) <= {place}, found
