"""Roles and names of speakers, from words, flags and descriptions of people."""

import json
from typing import Any

import pytest

from everlake.analysis.utterances import extract_utterances
from everlake.contract.envelope import Participant

MIRA = Participant(id="+49 170 1234567", role="external", name="Mira Vogel", email="m@n.io")
OSKAR = Participant(id="u2", role="internal", name="Oskar Lind")


def said(data: dict[str, Any], *participants: Participant) -> list[tuple[str | None, str | None]]:
    found = extract_utterances("conversation", json.dumps(data).encode(), participants)
    return [(x.speaker, x.role) for x in found]


@pytest.mark.parametrize(
    ("members", "role"),
    [
        ({"from_agent": True}, "internal"),
        ({"from_agent": False}, "external"),
        ({"incoming": True}, "external"),
        ({"incoming": False}, "internal"),
        ({"fromMe": True}, "internal"),
        ({"isInbound": False}, "internal"),
        ({"is_staff": True}, "internal"),
        ({"direction": "in"}, "external"),
        ({"direction": "outbound-api"}, "internal"),
        ({"message_type": "outgoing"}, "internal"),
        ({"private": True}, "internal"),
        ({"public": False}, "internal"),
        ({"private": False}, "unknown"),
        ({"public": True}, "unknown"),
        ({"sender_type": "agent:17"}, "internal"),
        ({"author_association": "MEMBER"}, "internal"),
        ({"author_association": "CONTRIBUTOR"}, "unknown"),
        ({"status": "sent"}, "unknown"),
    ],
)
def test_flags_and_words_tell_the_role(members: dict[str, Any], role: str) -> None:
    assert said({"messages": [{"from": "Zoe", "text": "It is done", **members}]}) == [("Zoe", role)]


@pytest.mark.parametrize(
    ("other", "role"),
    [("customer", "internal"), ("contact", "internal"), ("bot", "external"), ("team", "unknown")],
)
def test_a_user_is_staff_beside_customers_and_a_customer_beside_staff(
    other: str, role: str
) -> None:
    people = [{"name": "Zoe", "type": "user"}, {"name": "Al", "type": other}]
    data = {"messages": [{"author": author, "text": "All done here"} for author in people]}
    assert said(data)[0] == ("Zoe", role)


def test_the_user_of_a_chat_is_a_customer() -> None:
    assert said({"messages": [{"role": "user", "content": "Where is it?"}]}) == [
        ("user", "external")
    ]


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ({"id": 7, "login": "zoe", "type": "User"}, "zoe"),
        ({"id": 7, "first": "Zoe", "last": "Ash", "email": "z@a.io"}, "Zoe Ash"),
        ({"id": 7, "username": "zoe", "given_name": "Zoe", "family_name": "Ash"}, "Zoe Ash"),
        ({"id": "7", "username": "zoe", "global_name": "Zoe Ash"}, "Zoe Ash"),
        ({"id": 7, "profile": {"real_name": "Zoe Ash"}, "name": "zoe"}, "Zoe Ash"),
        ({"id": 7, "nick": "zoe"}, "zoe"),
        ({"id": 7}, "7"),
    ],
)
def test_a_name_goes_before_an_address_and_an_id(person: dict[str, Any], name: str) -> None:
    assert said({"comments": [{"user": person, "body": "Looks good"}]}) == [(name, "unknown")]


@pytest.mark.parametrize(
    "people",
    [
        {"users": [{"id": 7, "name": "Zoe Ash"}]},
        {"linked": {"deep": {"authors": {"7": {"full_name": "Zoe Ash"}}}}},
        {"users": {"7": "Zoe Ash"}},
        {"requester": {"id": 7, "name": "Zoe Ash"}},
        {"included": [{"type": "user", "id": "7", "attributes": {"name": "Zoe Ash"}}]},
    ],
)
def test_an_id_stands_for_a_person_described_elsewhere(people: dict[str, Any]) -> None:
    data = {"comments": [{"author_id": 7, "body": "Looks good"}], **people}
    assert [name for name, _ in said(data)] == ["Zoe Ash"]


@pytest.mark.parametrize(
    "name", ["Mira Vogel", "M@N.IO", "whatsapp:+491701234567", "+49 (170) 123-4567", "Vogel, Mira",
             "Mira", "Mira V. <m@n.io>"]
)  # fmt: skip
def test_participants_are_found_by_any_of_their_names(name: str) -> None:
    message = {"from": name, "text": "Where is it?"}
    assert said({"messages": [message]}, MIRA, OSKAR) == [("Mira Vogel", "external")]


def test_a_first_name_of_two_participants_is_neither() -> None:
    other = Participant(id="u3", role="internal", name="Mira Stein")
    message = {"from": "Mira", "text": "Where is it?"}
    assert said({"messages": [message]}, MIRA, other) == [("Mira", "unknown")]


def test_settings_beside_speech_are_not_said() -> None:
    data = {"@odata.context": "a $metadata", "importance": "normal", "tags": ["vip", "very late"],
            "mood": "calm", "messages": [{"from": "Zoe", "text": "It is done"}]}  # fmt: skip
    assert said(data) == [("Zoe", "unknown")]


def test_settings_alone_are_kept() -> None:
    assert len(said({"mood": "calm", "weather": "fine"})) == 2


def test_a_name_goes_before_a_word_for_a_role() -> None:
    message = {"from": "operator", "content": "It is done", "user": {"nickname": "Zoe"}}
    assert said({"messages": [message]}) == [("Zoe", "internal")]
    assert said({"messages": [{**message, "user": {"id": 1234567}}]}) == [("operator", "internal")]


def test_messages_with_a_type_and_a_direction_are_no_runs_of_a_text() -> None:
    messages = [{"type": "email", "text": "Where is it?", "direction": "in"},
                {"type": "email", "text": "It is here", "direction": "out"}]  # fmt: skip
    assert said({"items": messages}) == [(None, "external"), (None, "internal")]


def test_one_word_remarks_of_a_review_are_said() -> None:
    review = {"author": "Zoe", "text": "Good overall", "pros": "Speed", "cons": "Price"}
    assert len(said({"reviews": [review]})) == 3


def test_member_names_are_the_speakers_of_a_dialogue() -> None:
    dialogue = [{"user": "Where is it?"}, {"bot": "It is here"}]
    assert said({"turns": dialogue}) == [("user", "external"), ("bot", "internal")]
    names = [{"agent": "Zoe", "customer": "Al"}, {"agent": "Zoe", "customer": "Bo"}]
    assert {speaker for speaker, _ in said({"calls": names})} == {None}
