"""Objects that name a customer or a member of staff, but no author."""

import json
from typing import Any

import pytest

from everlake.analysis.utterances import extract_utterances

WORDS = "My seat was taken."


def said(data: Any, record_type: str = "message") -> list[tuple[str | None, str | None, str]]:
    found = extract_utterances(record_type, json.dumps(data).encode())
    return [(x.speaker, x.role, x.text) for x in found]


@pytest.mark.parametrize(
    ("person", "speaker", "role"),
    [
        ({"customer": {"firstName": "Ines", "lastName": "Falk"}}, "Ines Falk", "external"),
        ({"customer": {"name": "Agent Blue Records"}}, "Agent Blue Records", "external"),
        ({"requester": {"id": 3, "name": "Ines Falk"}}, "Ines Falk", "external"),
        ({"visitor": "Ines Falk"}, "Ines Falk", "external"),
        ({"agent": "Jonas"}, "Jonas", "internal"),
        ({"customer_name": "Ines Falk"}, "Ines Falk", "external"),
        ({"agentName": "Jonas Ek"}, "Jonas Ek", "internal"),
        ({"contact_email": "ines@falk.example"}, "ines@falk.example", "external"),
        ({"customer_name": "Ines", "customer_email": "ines@falk.example"}, "Ines", "external"),
    ],
)
def test_only_person_of_a_message_is_its_speaker(
    person: dict[str, Any], speaker: str, role: str
) -> None:
    assert said({**person, "message": WORDS}) == [(speaker, role, WORDS)]


@pytest.mark.parametrize(
    ("direction", "speaker"), [("inbound", "Ines Falk"), ("outbound", "Jonas Ek"), (None, None)]
)
def test_direction_tells_which_of_two_sides_speaks(
    direction: str | None, speaker: str | None
) -> None:
    data = {
        "customer": {"name": "Ines Falk"},
        "agent": {"name": "Jonas Ek"},
        "direction": direction,
        "body": WORDS,
    }
    assert [x[0] for x in said(data) if x[2] == WORDS] == [speaker]


@pytest.mark.parametrize(
    "data",
    [
        {"customer": {"name": "Ines Falk"}, "direction": "outbound", "text": WORDS},
        {"customer": {"name": "Ines Falk"}, "note": WORDS},
        {"client": {"name": "Web", "version": "4.2"}, "text": WORDS},
        {"client": "Android", "text": WORDS},
        {"contact": "Email", "text": WORDS},
    ],
)
def test_person_who_is_addressed_or_described_is_no_speaker(data: dict[str, Any]) -> None:
    assert [x[0] for x in said(data) if x[2] == WORDS] == [None]


@pytest.mark.parametrize(
    ("person", "speaker"),
    [
        ({"first_name": "Ines", "last_name": "Falk", "email": "ines@falk.example"}, "Ines Falk"),
        ({"email": "ines@falk.example"}, "ines@falk.example"),
        ({"Name": "Ines Falk", "E-Mail": "ines@falk.example"}, "Ines Falk"),
        ({"Vorname": "Ines", "Nachname": "Falk"}, "Ines Falk"),
        ({"person": {"name": "Ines Falk", "email": "ines@falk.example"}}, "Ines Falk"),
    ],
)
def test_contact_form_is_by_the_person_it_asks_for(person: dict[str, Any], speaker: str) -> None:
    assert said({**person, "message": WORDS}, "document") == [(speaker, "unknown", WORDS)]


def test_fields_of_a_form_have_no_speaker() -> None:
    fields = [{"label": "Customer", "value": "Ines Falk"}, {"label": "Why?", "value": WORDS}]
    assert {x[0] for x in said({"fields": fields}, "document")} == {None}


def test_customer_of_a_document_is_its_subject() -> None:
    data = {"customer": {"name": "Ines Falk"}, "body": "Falk uses two of our plans."}
    assert said(data, "document") == [(None, None, "Falk uses two of our plans.")]


def test_person_of_an_empty_event_says_nothing() -> None:
    events = [
        {"type": "typing", "agent": "Jonas Ek", "ts": "2025-03-04T08:00:00Z", "text": ""},
        {"type": "message", "agent": "Jonas Ek", "ts": "2025-03-04T08:01:00Z", "text": WORDS},
    ]
    assert said({"events": events}) == [("Jonas Ek", "internal", WORDS)]


@pytest.mark.parametrize("name", ["cliente", "Kunde", "klant", "klient"])
def test_customer_in_other_languages(name: str) -> None:
    person = {"nombre": "Ines", "apellido": "Falk"}
    assert said({name: person, "mensaje": WORDS}) == [("Ines Falk", "external", WORDS)]


def test_note_beside_an_address_is_about_its_owner() -> None:
    data = {"email": "ines@falk.example", "note": "She asked for a discount."}
    assert said(data) == [(None, None, "She asked for a discount.")]


def test_id_of_a_field_is_not_said() -> None:
    field = {"fieldId": "description", "label": "What is wrong?", "value": "It leaks."}
    assert said({"fields": [field]}, "document") == [(None, None, "What is wrong? It leaks.")]
