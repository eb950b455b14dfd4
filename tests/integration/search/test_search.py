from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everlake.lake import Lake
from everlake.model.utterances import UtteranceFilters
from everlake.search import search
from tests.support.lake_rows import analysed_record, arrived_record, record_id


def say(lake: Lake, sequence: int, *texts: str, workspace: str = "w") -> None:
    """Each text in a record of its own, named by the text."""
    batch = [arrived_record(text, sequence, line=line) for line, text in enumerate(texts)]
    lake.records.merge(workspace, batch)
    lake.utterances.write(workspace, [analysed_record(row, row_text(row, texts)) for row in batch])


def row_text(row: object, texts: tuple[str, ...]) -> str:
    return next(text for text in texts if record_id(text) == row.record_id)  # type: ignore[attr-defined]


def texts(lake: Lake, query: str, **filters: object) -> list[str]:
    page = search(lake, "w", query, filters=UtteranceFilters(**filters), limit=100)  # type: ignore[arg-type]
    return [hit.text for hit in page.hits]


def test_words_are_found_by_stem_without_case_and_accents(lake: Lake) -> None:
    say(lake, 1, "The export CRASHED", "Café résumé", "nothing of it")
    assert texts(lake, "crashes") == ["The export CRASHED"]
    assert texts(lake, "cafe RESUME") == ["Café résumé"]
    assert texts(lake, "Éxport") == ["The export CRASHED"]
    assert texts(lake, "absent") == []


def test_a_query_of_only_stop_words_finds_them(lake: Lake) -> None:
    say(lake, 1, "to be or not to be", "something else")
    assert texts(lake, "to be") == ["to be or not to be"]
    assert texts(lake, '"not to be"') == ["to be or not to be"]


def test_more_of_the_words_rank_higher(lake: Lake) -> None:
    say(lake, 1, "export works", "export crash", "weather today", "crash landing of a plane")
    assert texts(lake, "export crash")[0] == "export crash"
    assert len(texts(lake, "export crash")) == 3


def test_an_exact_phrase_must_occur_as_it_is(lake: Lake) -> None:
    say(lake, 1, "the export button fails", "button for the export", "export the button")
    assert texts(lake, '"export button"') == ["the export button fails"]
    assert texts(lake, "“export button” fails") == ["the export button fails"]
    assert texts(lake, '"export button" "button fails"') == ["the export button fails"]
    assert texts(lake, '"export button" "no such"') == []


def test_scripts_without_spaces_are_searched(lake: Lake) -> None:
    say(lake, 1, "東京都に住んでいます", "大阪に行きました")
    (hit,) = search(lake, "w", "東京").hits
    assert [hit.passage[a:b] for a, b in hit.highlights] == ["東京"]


def test_rows_are_found_before_and_after_they_are_indexed(lake: Lake) -> None:
    say(lake, 1, *(f"first number{n}" for n in range(2_100)))
    assert texts(lake, "number7") == ["first number7"]
    assert [step.action for step in lake.engine.maintain("w")] == ["index"]
    assert texts(lake, "number7") == ["first number7"]
    say(lake, 2, "second number7")
    assert set(texts(lake, "number7")) == {"first number7", "second number7"}
    assert texts(lake, '"second number7"') == ["second number7"]


def test_a_stale_version_is_never_found(lake: Lake) -> None:
    old, new = arrived_record("a", 1), arrived_record("a", 2)
    lake.records.merge("w", [old])
    lake.utterances.write("w", [analysed_record(old, "old words")])
    assert texts(lake, "words") == ["old words"]
    lake.records.merge("w", [new])
    assert texts(lake, "words") == []
    lake.utterances.write("w", [analysed_record(old, "old words")])
    assert texts(lake, "words") == []
    lake.utterances.write("w", [analysed_record(new, "new words")])
    assert texts(lake, "words") == ["new words"]


def test_many_stale_hits_do_not_hide_the_current_ones(lake: Lake) -> None:
    stale = [arrived_record(n, 1, line=n) for n in range(200)]
    lake.records.merge("w", stale)
    lake.utterances.write("w", [analysed_record(row, "needle") for row in stale])
    current = arrived_record("current", 2)
    lake.records.merge("w", [current, *(arrived_record(n, 3, line=n) for n in range(200))])
    lake.utterances.write("w", [analysed_record(current, "a needle in quite a lot of other words")])
    assert texts(lake, "needle") == ["a needle in quite a lot of other words"]


def test_a_workspace_finds_only_its_own(lake: Lake) -> None:
    say(lake, 1, "secret of one", workspace="w")
    say(lake, 1, "secret of two", workspace="v")
    assert texts(lake, "secret") == ["secret of one"]
    assert search(lake, "u", "secret").hits == []


def test_each_filter_narrows_the_search(lake: Lake) -> None:
    plain = arrived_record("plain", 1)
    other = arrived_record(
        "other",
        1,
        line=1,
        source="slack",
        record_type="message",
        product_id="prod_2",
        project_ids=["proj_1", "proj_2"],
        event_at="2024-06-01T00:00:00Z",
    )
    lake.records.merge("w", [plain, other])
    lake.utterances.write(
        "w", [analysed_record(plain, "word plain"), analysed_record(other, "word other")]
    )
    assert sorted(texts(lake, "word")) == ["word other", "word plain"]
    june = datetime(2024, 6, 1, tzinfo=UTC)
    for filters in (
        {"type": "message"},
        {"source": "slack"},
        {"product": "prod_2"},
        {"project": "proj_2"},
        {"since": june},
    ):
        assert texts(lake, "word", **filters) == ["word other"]
    assert texts(lake, "word", until=june) == ["word plain"]
    assert texts(lake, "word", source="' OR 1=1 --") == []


def test_pages_of_hits_follow_on_each_other(lake: Lake) -> None:
    say(lake, 1, *(f"word {'filler ' * n}" for n in range(25)))
    whole = search(lake, "w", "word", limit=100)
    assert whole.next_offset is None
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = search(lake, "w", "word", limit=10, offset=offset)
        seen += [hit.record_id for hit in page.hits]
        offset = page.next_offset
    assert seen == [hit.record_id for hit in whole.hits]
    assert len(set(seen)) == 25


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "letter or digit"),
        ("  \n", "letter or digit"),
        ("!?-*()[]{}", "letter or digit"),
        ("😀", "letter or digit"),
        ('""', "letter or digit"),
        ('"', "letter or digit"),
        ("a" * 10_000, "at most 1,000"),
        ("a \ud800", "Unicode"),
    ],
)
def test_a_query_that_cannot_be_used_is_refused_with_the_reason(
    lake: Lake, query: str, message: str
) -> None:
    say(lake, 1, "something")
    with pytest.raises(ValueError, match=message):
        search(lake, "w", query)


def test_paging_beyond_what_a_search_goes_to_is_refused(lake: Lake) -> None:
    say(lake, 1, "something")
    for limit, offset in ((0, 0), (10, -1), (10, 1_000)):
        with pytest.raises(ValueError, match="1,000 hits"):
            search(lake, "w", "something", limit=limit, offset=offset)


@pytest.mark.parametrize(
    "query",
    [
        "' OR 1=1 --",
        '"unbalanced something',
        "something AND (NOT OR",
        "something~2^4*?",
        "+something -else text:something",
        "something\x00",
        'a"b"c',
        "😀 something",
        "x" * 999,
        " ".join(f"w{n}" for n in range(200)),
        "\\ something",
        "{something}",
    ],
)
def test_a_query_has_no_syntax_to_get_wrong(lake: Lake, query: str) -> None:
    say(lake, 1, "something or other")
    found = texts(lake, query)
    assert found == (["something or other"] if "something" in query or " OR " in query else [])


@given(query=st.text(max_size=60))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_a_query_or_a_value_error(lake: Lake, query: str) -> None:
    if lake.records.count("w") == 0:
        say(lake, 1, "a 1 x something", "é ß 東京 ไทย")
    try:
        page = search(lake, "w", query)
    except ValueError:
        return
    for hit in page.hits:
        assert all(0 <= a < b <= len(hit.passage) for a, b in hit.highlights)
