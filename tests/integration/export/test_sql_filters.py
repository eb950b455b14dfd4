"""Filters match the same rows whether DuckDB applies them or Lance does."""

from collections.abc import Callable
from typing import TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.comparison_values import INGESTED_AT_VALUES, LATEST_TIME, TEXTS, TIMES

BothWays: TypeAlias = Callable[[str], tuple[list[str], list[str]]]


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


texts = st.sampled_from(TEXTS).map(literal)
instants = st.sampled_from([*TIMES, LATEST_TIME, "2024-02-29 12:00:00.5+00"]).map(
    lambda text: f"TIMESTAMPTZ '{text}'"
)
ingested = st.sampled_from(INGESTED_AT_VALUES).map(lambda ms: f"epoch_ms({ms})::TIMESTAMPTZ")
versions = st.sampled_from([0, -1, 1_048_576, 1_048_577, 3 * 1_048_576 + 5, 2**63 - 1]).map(str)
columns = st.sampled_from(
    [
        ("source", texts),
        ("thread_id", texts),
        ("data", st.just("'{}'")),
        ("event_at", instants),
        ("ingested_at", ingested),
        ("version", versions),
    ]
)


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    column, values = draw(columns)
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return f"{column} IS {draw(st.sampled_from(['', 'NOT ']))}NULL"
    if kind == 1:
        several = ", ".join(draw(st.lists(values, min_size=1, max_size=3)))
        return f"{column} {draw(st.sampled_from(['', 'NOT ']))}IN ({several})"
    if kind == 2:
        return f"{column} BETWEEN {draw(values)} AND {draw(values)}"
    if kind == 3:
        return f"{column} IS DISTINCT FROM {draw(values)}"
    return f"{column} {draw(st.sampled_from(['=', '!=', '<', '<=', '>', '>=']))} {draw(values)}"


predicates = st.recursive(
    comparisons() | st.sampled_from(["source LIKE 'a%'", "list_contains(tags, 'A')"]),
    lambda parts: st.one_of(
        st.tuples(parts, st.sampled_from(["AND", "OR"]), parts).map(lambda t: f"({' '.join(t)})"),
        parts.map(lambda part: f"NOT ({part})"),
    ),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(where=predicates)
def test_a_filter_matches_the_same_rows_in_lance_and_in_duckdb(
    ids_both_ways: BothWays, where: str
) -> None:
    by_tables, by_engine = ids_both_ways(where)
    assert by_tables == by_engine
