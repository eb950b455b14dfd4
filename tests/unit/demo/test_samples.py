"""Sample data: the properties that its README states."""

import re
from collections import Counter
from itertools import combinations, pairwise
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Raw

from everlake.analysis.utterances import extract_utterances
from everlake.contract.envelope import (
    RECORD_TYPES,
    Record,
    canonical_event_at,
    canonical_type,
)
from everlake.demo.samples import sample_files, sample_requests

PRODUCT = 'prd_"quoted" é'
PROJECT = "prj_main"

# (record type, line counted from 1): what is wrong with it, as the data's README has it
REFUSED = {
    ("email", 22): "31 February",
    ("email_thread", 15): "unknown member",
    ("call", 13): "no Z",
    ("call_transcription", 8): "no data",
    ("meeting_notes", 10): "unknown project",
    ("conversation", 24): "bad role",
    ("message", 30): "not JSON",
    ("document", 7): "long tag",
}
SENT_TWICE = {"conversation", "document", "spreadsheet"}


def fault_of(line: bytes, record_type: str) -> str | None:
    """Return the first error of a line, or None."""
    try:
        record = msgspec.json.decode(line, type=Record)
    except msgspec.DecodeError as error:
        return str(error)
    if canonical_type(record.type) != record_type:
        return "type"
    if canonical_event_at(record.event_at) is None:
        return "event_at"
    if record.product_id != PRODUCT:
        return "product"
    named = set(record.project_ids or ()) | (
        set() if record.project_id is UNSET else {record.project_id}
    )
    return None if named == {PROJECT} else "project"


def numbered_lines() -> list[tuple[str, int, bytes]]:
    return [
        (record_type, number, line)
        for record_type, lines in sample_requests(PRODUCT, PROJECT)
        for number, line in enumerate(lines, start=1)
    ]


def accepted() -> list[tuple[str, int, Record]]:
    return [
        (record_type, number, msgspec.json.decode(line, type=Record))
        for record_type, number, line in numbered_lines()
        if (record_type, number) not in REFUSED
    ]


def identity(record: Record) -> tuple[str, tuple[tuple[str, str], ...], str | None]:
    vendor_ids = tuple(sorted(record.vendor_ids.items()))
    return record.type, vendor_ids, canonical_event_at(record.event_at)


def texts_of(record: Record) -> list[str]:
    people = () if record.participants is UNSET else record.participants
    return [said.text for said in extract_utterances(record.type, bytes(record.data), people)]


def five_grams(record: Record) -> set[tuple[str, ...]]:
    """Return all five-word sequences of each text in ``data``."""
    found: set[tuple[str, ...]] = set()
    for text in texts_of(record):
        words = re.findall(r"\w+", text.lower())
        found.update(tuple(words[at : at + 5]) for at in range(len(words) - 4))
    return found


def test_there_are_about_two_hundred_records_of_every_type() -> None:
    counts = {name: len(body.splitlines()) for name, body in sample_files()}
    assert tuple(counts) == RECORD_TYPES
    assert all(counts.values())
    assert 190 <= sum(counts.values()) <= 220


def test_exactly_the_intended_lines_are_rejected() -> None:
    refused = {
        (record_type, number)
        for record_type, number, line in numbered_lines()
        if fault_of(line, record_type) is not None
    }
    assert refused == set(REFUSED)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("31 February", "event_at"),
        ("unknown member", "unknown field `_priority`"),
        ("no Z", "event_at"),
        ("no data", "unknown field `transcript`"),
        ("unknown project", "project"),
        ("bad role", "_participants[0].role"),
        ("not JSON", "truncated"),
        ("long tag", "_tags[1]"),
    ],
)
def test_each_rejected_line_breaks_the_intended_rule(fault: str, says: str) -> None:
    lines = {(record_type, number): line for record_type, number, line in numbered_lines()}
    (place,) = [place for place, name in REFUSED.items() if name == fault]
    assert says in (fault_of(lines[place], place[0]) or "")


def test_a_whole_file_can_be_sent_as_one_request() -> None:
    for record_type, lines in sample_requests(PRODUCT, PROJECT):
        assert len(b"\n".join(lines)) < 5 * 1024 * 1024
        envelopes: list[dict[str, Any]] = [
            msgspec.json.decode(line)
            for number, line in enumerate(lines, start=1)
            if REFUSED.get((record_type, number)) != "not JSON"
        ]
        assert {envelope["_type"] for envelope in envelopes} == {record_type}
        assert {envelope["_product_id"] for envelope in envelopes} == {PRODUCT}


def test_only_the_intended_records_arrive_twice_and_then_differently() -> None:
    arrivals = Counter(identity(record) for _, _, record in accepted())
    twice = [key for key, count in arrivals.items() if count > 1]
    assert {key[0] for key in twice} == SENT_TWICE
    assert len(twice) == len(SENT_TWICE)
    for key in twice:
        first, last = (record for _, _, record in accepted() if identity(record) == key)
        assert first.data != last.data


def test_no_two_records_are_near_copies() -> None:
    last_arrivals = {identity(record): record for _, _, record in accepted()}
    grams = [five_grams(record) for record in last_arrivals.values()]
    assert all(grams)
    for one, other in combinations(grams, 2):
        assert len(one & other) / len(one | other) < 0.1


def test_placeholders_are_replaced_and_data_is_unchanged() -> None:
    shipped = dict(sample_files())
    for record_type, number, record in accepted():
        source: dict[str, Raw] = msgspec.json.decode(
            shipped[record_type].splitlines()[number - 1], type=dict[str, Raw]
        )
        assert bytes(record.data) == bytes(source["data"])
        assert record.product_id == PRODUCT


def test_both_spellings_of_the_project_are_shown() -> None:
    spellings = {
        (record.project_ids is not UNSET, record.project_id is not UNSET)
        for _, _, record in accepted()
    }
    assert spellings == {(True, False), (False, True)}


def test_records_are_in_the_order_of_their_events_except_those_sent_twice() -> None:
    for name in RECORD_TYPES:
        times = [record.event_at[:19] for kind, _, record in accepted() if kind == name]
        if name in SENT_TWICE:
            times.pop()
        assert all(earlier <= later for earlier, later in pairwise(times))
