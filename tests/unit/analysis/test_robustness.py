"""Robustness: any JSON is read without an exception and without losing a sentence."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everlake.analysis.json_decoding import decode_json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.utterances import extract_utterances
from everlake.contract.envelope import RECORD_TYPES, Participant
from everlake.model.utterances import MAX_TEXT_LENGTH, MAX_UTTERANCES

KNOWN_NAMES = """
    text body content message html snippet from author speaker name role type id ts created_at
    start end sentences words elements messages parts rows headers values data fields question
    answer label value title subject insert ops root children blocks payload parties participants
    started_at summary notes url status odd attrs mention items code _type nodeType customer
    attributes properties hs_note_body attachments subtype recipients quoted_message replyText
    comments userComment nick msg is_inbound labels
"""
NAMES = st.sampled_from(KNOWN_NAMES.split()) | st.text(max_size=8)
DIALOGUE = "A: b\nC: d\nA: e"
CAPTIONS = "WEBVTT\n\n00:01.000 --> 00:02.000\nhi"
PIECES = ["text", "paragraph", "agent", DIALOGUE, "<p>x</p>", "> q\nOn x wrote:", CAPTIONS,
          "2024-04-05T10:00:00Z", "1712345678.01"]  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.sampled_from(PIECES)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=30,
)
TYPES = st.sampled_from(RECORD_TYPES)
PEOPLE = (Participant(id="agent", role="internal", name="A"),)


@given(TYPES, st.dictionaries(NAMES, VALUES, max_size=8))
@settings(deadline=None)
def test_any_object_gives_clean_bounded_utterances(record_type: str, data: dict[str, Any]) -> None:
    for said in extract_utterances(record_type, json.dumps(data).encode(), PEOPLE):
        assert 0 < len(said.text) <= MAX_TEXT_LENGTH
        assert said.text == said.text.strip()
        (said.text + (said.speaker or "")).encode()
        assert said.role in (None, "internal", "external", "unknown")
        assert said.said_at is None or said.said_at.endswith("Z")


SENTENCE = "the quick {0} fox saw one lazy dog{0} today"


def _fill(value: Any, sentences: list[str]) -> Any:
    """Return ``value`` with each string replaced by a unique sentence."""
    if isinstance(value, dict):
        return {
            key: _fill(inner, sentences)
            if isinstance(inner, dict | list)
            or meaning_of(key).kind not in (MemberKind.SPEAKER, MemberKind.NAME)
            else None
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_fill(inner, sentences) for inner in value]
    if isinstance(value, str):
        number = len(sentences)
        unique = "".join(chr(ord("a") + int(digit)) for digit in f"{number:03d}")
        sentences.append(SENTENCE.format(unique))
        return sentences[-1]
    return value


@given(TYPES, st.dictionaries(NAMES, VALUES, max_size=8))
@settings(deadline=None)
def test_no_sentence_is_lost(record_type: str, data: dict[str, Any]) -> None:
    sentences: list[str] = []
    filled = _fill(data, sentences)
    utterances = extract_utterances(record_type, json.dumps(filled).encode())
    said = "\n".join(f"{x.speaker}: {x.text}" for x in utterances)
    for sentence in sentences:
        assert sentence in said or json.dumps(sentence) not in json.dumps(filled)


@given(VALUES)
def test_the_tolerant_decoder_reads_what_the_fast_one_reads(value: Any) -> None:
    plain = json.dumps({"a": value})
    refused = plain[:-1] + ', "n": 1e99999}'
    tolerant = decode_json(refused.encode())
    assert isinstance(tolerant, dict)
    assert tolerant.pop("n") == float("inf")
    assert tolerant == decode_json(plain.encode())


@pytest.mark.parametrize(
    "member_text",
    [
        b'"n": 1e99999',
        b'"n": ' + b"9" * 5_000,
        b'"n": -' + b"9" * 5_000,
        b'"n": "\\ud800"',
        b'"n": "\xff"',
        b'"n": ' + b"[" * 20_000 + b"]" * 20_000,
        b'"n": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'"ts": 1e99999, "start": 1e99999',
        b'"created_at": ' + b"9" * 5_000,
        b'"n": "\\u0000"',
        b'"text": "first", "text": "hello there"',
    ],
)
def test_unusual_json_keeps_its_strings(member_text: bytes) -> None:
    said = extract_utterances("message", b'{"text": "hello there", ' + member_text + b"}")
    assert "hello there" in [x.text for x in said]


def test_strings_at_any_depth_are_read() -> None:
    deep = b'{"a":' + b"[" * 50_000 + b'"hello there"' + b"]" * 50_000 + b"}"
    assert [x.text for x in extract_utterances("message", deep)] == ["hello there"]


def test_utterances_over_the_limit_are_merged() -> None:
    count = MAX_UTTERANCES + 5_000
    messages = [{"from": f"s{n % 2}", "text": f"number {n} here"} for n in range(count)]
    said = extract_utterances("conversation", json.dumps({"messages": messages}).encode())
    assert len(said) <= MAX_UTTERANCES
    heard = "\n".join(x.text for x in said)
    assert all(f"number {n} here" in heard for n in range(0, count, 97))
    assert f"s1: number {count - 1} here" in said[-1].text


UNITS = """<|</x|<!--|<a "|<p x='|&#|On x\n|From: a\n|- |1:23 |Re: |[1:|Bob (x|a:\n|> |A: b\n|<v """


@pytest.mark.parametrize("unit", [*UNITS.split("|"), "\x00"])
def test_repeated_pieces_are_read_in_linear_time(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    for opening in ("", "<p>", "WEBVTT\n\n00:01.000 --> 00:02.000\n"):
        data = {"from": "a", "to": ["b"], "subject": text, "text": text, "html": opening + text}
        assert len(extract_utterances("email", json.dumps(data).encode())) <= MAX_UTTERANCES
