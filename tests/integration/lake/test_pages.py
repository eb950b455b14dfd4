from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everlake.contract.envelope import Participant
from everlake.lake import Lake
from everlake.model.records import RecordFilters
from tests.support.lake_rows import arrived_record, record_id

HOSTILE = [
    "' OR 1=1 --",
    "x' OR 'a'='a",
    "\\' OR 1=1 --",
    "\\",
    "'",
    "''",
    '"; DROP TABLE records; --',
    "%",
    "_",
    "\x00",
    "a\nb",
    "'||(SELECT 1)||'",
    "😀\u2028",
    "`type`",
    "/* */",
    "{}",
    "$1",
]
TEXT_FILTERS = (
    "batch", "type", "source", "project", "product", "nature", "tag", "participant", "thread",
)  # fmt: skip


def found(lake: Lake, **filters: Any) -> set[str]:
    page = lake.records.page("w", RecordFilters(**filters), limit=100)
    assert page.next_before is None
    return {record.record_id for record in page.records}


def test_pages_go_from_the_newest_arrival_down(any_lake: Lake) -> None:
    any_lake.records.merge("w", [arrived_record(n, n) for n in (3, 1, 2)])
    any_lake.records.merge("w", [arrived_record(1, 4)])
    page = any_lake.records.page("w", limit=2)
    assert [one.record_id for one in page.records] == [record_id(1), record_id(3)]
    rest = any_lake.records.page("w", limit=2, before_version=page.next_before)
    assert [one.record_id for one in rest.records] == [record_id(2)]
    assert rest.next_before is None


def test_a_full_last_page_says_that_there_is_no_more(any_lake: Lake) -> None:
    any_lake.records.merge("w", [arrived_record(n, 1, line=n) for n in range(4)])
    assert any_lake.records.page("w", limit=4).next_before is None


def test_paging_reaches_the_oldest_records(any_lake: Lake) -> None:
    sequences = [1, 2, 50, 5_000, 5_001, 2_000_000]
    any_lake.records.merge("w", [arrived_record(n, n) for n in sequences])
    seen: list[str] = []
    before = None
    while True:
        page = any_lake.records.page("w", limit=1, before_version=before)
        seen += [one.batch_id for one in page.records]
        before = page.next_before
        if before is None:
            break
    assert seen == [f"batch-{n}" for n in reversed(sequences)]


def test_paging_neither_repeats_nor_skips_while_records_arrive(any_lake: Lake) -> None:
    any_lake.records.merge("w", [arrived_record(n, 1, line=n) for n in range(30)])
    seen: list[str] = []
    page = any_lake.records.page("w", limit=4)
    for arrival in range(2, 100):
        seen += [one.record_id for one in page.records]
        if page.next_before is None:
            break
        any_lake.records.merge("w", [arrived_record(f"new-{arrival}", arrival)])
        page = any_lake.records.page("w", limit=4, before_version=page.next_before)
    assert seen == [record_id(n) for n in reversed(range(30))]


def test_a_page_ends_before_it_grows_too_large(any_lake: Lake) -> None:
    any_lake.records.merge("w", [arrived_record(n, 1, line=n, data=b"x" * 1_000) for n in range(5)])
    page = any_lake.records.page("w", limit=5, max_bytes=2_500)
    assert len(page.records) == 2
    assert page.next_before == page.records[-1].version
    assert len(any_lake.records.page("w", limit=5, max_bytes=1).records) == 1


def test_each_filter_finds_its_records(any_lake: Lake) -> None:
    ada = Participant(id="u-ada", role="external", email="Ada@Example.org")
    any_lake.records.merge("w", [arrived_record("plain", 1)])
    any_lake.records.merge(
        "w",
        [
            arrived_record(
                "other",
                2,
                source="slack",
                record_type="message",
                product_id="prod_2",
                project_ids=["proj_1", "proj_2"],
                nature="context",
                thread_id="thread",
                tags=["urgent", "x"],
                participants=[ada],
                event_at="2024-06-01T00:00:00Z",
            )
        ],
    )
    other, plain = {record_id("other")}, {record_id("plain")}
    assert found(any_lake) == other | plain
    assert found(any_lake, batch="batch-2") == other
    assert found(any_lake, type="message") == other
    assert found(any_lake, source="slack") == other
    assert found(any_lake, product="prod_2") == other
    assert found(any_lake, project="proj_2") == other
    assert found(any_lake, project="proj_1") == other | plain
    assert found(any_lake, nature="context") == other
    assert found(any_lake, thread="thread") == other
    assert found(any_lake, tag="urgent") == other
    assert found(any_lake, participant="u-ada") == other
    assert found(any_lake, participant="ada@example.org") == other
    assert found(any_lake, participant="ADA@example.ORG") == other
    assert found(any_lake, participant="u1") == plain
    assert found(any_lake, type="message", source="api") == set()
    june = datetime(2024, 6, 1, tzinfo=UTC)
    assert found(any_lake, since=june) == other
    assert found(any_lake, until=june) == plain
    assert found(any_lake, since=june, until=june) == set()
    assert found(any_lake, since=datetime.min.replace(tzinfo=UTC)) == other | plain
    assert found(any_lake, until=datetime.max.replace(tzinfo=UTC)) == other | plain


def test_the_batch_filter_is_about_current_versions(any_lake: Lake) -> None:
    any_lake.records.merge("w", [arrived_record("a", 1), arrived_record("b", 1, line=1)])
    any_lake.records.merge("w", [arrived_record("a", 2)])
    assert found(any_lake, batch="batch-1") == {record_id("b")}
    assert found(any_lake, batch="batch-2") == {record_id("a")}


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_only_a_value(any_lake: Lake, value: str) -> None:
    any_lake.records.merge("w", [arrived_record("a", 1, tags=["t"], thread_id="x")])
    for name in TEXT_FILTERS:
        assert found(any_lake, **{name: value}) == set()
    any_lake.records.merge(
        "w",
        [arrived_record("b", 2, tags=[value], thread_id=value, source=value, project_ids=[value])],
    )
    for name in ("tag", "thread", "source", "project"):
        assert found(any_lake, **{name: value}) == {record_id("b")}


@given(value=st.text(st.characters(codec="utf-8"), max_size=20), other=st.text(max_size=3))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_found_by_itself_alone(any_lake: Lake, value: str, other: str) -> None:
    sequence = any_lake.records.count("w") + 1
    name = f"{sequence}"
    any_lake.records.merge("w", [arrived_record(name, sequence, source="mine", tags=[value])])
    matching = found(any_lake, batch=f"batch-{sequence}", tag=value)
    assert matching == {record_id(name)}
    if other != value and not _has_surrogates(other):
        assert found(any_lake, batch=f"batch-{sequence}", tag=other) == set()


def test_values_that_are_not_unicode_and_times_without_zone_are_refused(any_lake: Lake) -> None:
    any_lake.records.merge("w", [arrived_record("a", 1)])
    with pytest.raises(ValueError, match="Unicode"):
        found(any_lake, source="\ud800")
    with pytest.raises(ValueError, match="time zone"):
        found(any_lake, since=datetime(2024, 1, 1))  # noqa: DTZ001  (the point)


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)
