"""Which record is the same record, and which of two versions wins."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from everlake.contract.envelope import RECORD_TYPES
from everlake.contract.record_identity import record_id, record_version, sequence_of

texts = st.text(st.characters(codec="utf-8"), max_size=12)
vendor_ids = st.dictionaries(texts, texts, min_size=1, max_size=5)
identities = st.tuples(
    st.sampled_from(RECORD_TYPES),
    vendor_ids,
    st.sampled_from(["2026-03-01T10:00:00Z", "2026-03-01T10:00:01Z"]),
)


@settings(deadline=None)
@given(identities, st.randoms())
def test_the_order_of_vendor_ids_does_not_matter(
    identity: tuple[str, dict[str, str], str], order: random.Random
) -> None:
    record_type, ids, event_at = identity
    members = list(ids.items())
    order.shuffle(members)

    assert record_id(record_type, dict(members), event_at) == record_id(record_type, ids, event_at)


@settings(deadline=None)
@given(identities, identities)
def test_two_records_are_the_same_only_where_all_three_parts_are(
    one: tuple[str, dict[str, str], str], other: tuple[str, dict[str, str], str]
) -> None:
    assert (record_id(*one) == record_id(*other)) == (one == other)


def test_names_and_values_of_vendor_ids_cannot_be_mistaken_for_each_other() -> None:
    at = "2026-03-01T10:00:00Z"
    different = [
        {"a": "b"},
        {"b": "a"},
        {"a": "b", "c": "d"},
        {"a": 'b","c":"d'},
        {"a:b": ""},
        {"": "a:b"},
        {"ab": ""},
        {"a": "b "},
        {"A": "b"},
        {"é": "b"},
        {"e\u0301": "b"},
    ]

    assert len({record_id("email", ids, at) for ids in different}) == len(different)


def test_an_id_is_32_hexadecimal_digits_and_never_changes() -> None:
    # Written down once: ids in a lake stay valid whatever the program's version.
    found = record_id("email", {"b": "2", "a": "1"}, "2026-03-01T10:00:00Z")

    assert found == "6cd0a67a83aa449ea5b7987b57d094be"


@given(
    st.tuples(st.integers(1, 2**42), st.integers(0, 2**20 - 1)),
    st.tuples(st.integers(1, 2**42), st.integers(0, 2**20 - 1)),
)
def test_versions_are_in_the_order_of_sequence_then_line(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    assert (record_version(*one) < record_version(*other)) == (one < other)
    assert sequence_of(record_version(*one)) == one[0]


def test_versions_fit_a_signed_64_bit_column() -> None:
    assert record_version(2**43 - 1, 2**20 - 1) < 2**63
