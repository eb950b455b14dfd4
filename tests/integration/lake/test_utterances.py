from everlake.lake import Lake
from everlake.lake.utterance_rows import UTTERANCES_TABLE
from everlake.search import search
from tests.support.lake_rows import Utterance, analysed_record, arrived_record, record_id


def rows(lake: Lake) -> list[tuple[str, int, int, str]]:
    now = lake.engine.table("w", UTTERANCES_TABLE).latest()
    assert now is not None
    columns = ["record_id", "version", "ordinal", "text"]
    return sorted(tuple(row[name] for name in columns) for row in now.select(columns))


def test_utterances_keep_their_order_and_speakers(any_lake: Lake) -> None:
    row = arrived_record("a", 1, project_ids=["p1", "p2"], record_type="call")
    any_lake.records.merge("w", [row])
    said = Utterance("Hello there", "Ada", "external", "2024-05-01T10:00:01Z")
    written = any_lake.utterances.write("w", [analysed_record(row, said, "Yes?")])
    assert (written.records, written.utterances, written.stale) == (1, 2, 0)
    (hit,) = search(any_lake, "w", "hello").hits
    assert (hit.speaker, hit.role, hit.said_at) == ("Ada", "external", "2024-05-01T10:00:01Z")
    assert (hit.record_id, hit.version, hit.batch_id) == (row.record_id, row.version, "batch-1")
    assert (hit.type, hit.source, hit.event_at) == ("call", "api", "2024-05-01T10:00:00Z")
    assert (hit.project_ids, hit.ordinal) == (["p1", "p2"], 0)


def test_writing_the_same_utterances_again_doubles_nothing(any_lake: Lake) -> None:
    batch = [arrived_record(n, 1, line=n) for n in range(3)]
    any_lake.records.merge("w", batch)
    said = [analysed_record(row, "one", "two") for row in batch]
    any_lake.utterances.write("w", said)
    before = rows(any_lake)
    any_lake.utterances.write("w", said)
    assert rows(any_lake) == before
    assert len(before) == 6


def test_utterances_of_an_older_version_go_when_a_newer_one_is_written(any_lake: Lake) -> None:
    old, new = arrived_record("a", 1), arrived_record("a", 2)
    any_lake.records.merge("w", [old])
    any_lake.utterances.write("w", [analysed_record(old, "one", "two", "three")])
    any_lake.records.merge("w", [new])
    any_lake.utterances.write("w", [analysed_record(new, "four")])
    assert rows(any_lake) == [(record_id("a"), new.version, 0, "four")]


def test_a_newer_version_without_utterances_leaves_none(any_lake: Lake) -> None:
    old, new = arrived_record("a", 1), arrived_record("a", 2)
    any_lake.records.merge("w", [old])
    any_lake.utterances.write("w", [analysed_record(old, "one")])
    any_lake.records.merge("w", [new])
    any_lake.utterances.write("w", [analysed_record(new)])
    any_lake.utterances.write("w", [analysed_record(old, "one")])
    assert rows(any_lake) == []


def test_an_older_version_that_is_analysed_late_replaces_nothing(any_lake: Lake) -> None:
    old, new = arrived_record("a", 1), arrived_record("a", 2)
    any_lake.records.merge("w", [old, new])
    any_lake.utterances.write("w", [analysed_record(new, "new")])
    written = any_lake.utterances.write("w", [analysed_record(old, "old")])
    assert (written.records, written.stale) == (0, 1)
    assert rows(any_lake) == [(record_id("a"), new.version, 0, "new")]


def test_both_versions_of_a_record_in_one_call_leave_the_current_one(any_lake: Lake) -> None:
    old, new = arrived_record("a", 1, line=0), arrived_record("a", 1, line=1)
    any_lake.records.merge("w", [old, new])
    for order in ([old, new], [new, old]):
        any_lake.utterances.write("w", [analysed_record(row, str(row.version)) for row in order])
        assert rows(any_lake) == [(record_id("a"), new.version, 0, str(new.version))]


def test_texts_with_lone_surrogates_are_stored(any_lake: Lake) -> None:
    row = arrived_record("a", 1)
    any_lake.records.merge("w", [row])
    any_lake.utterances.write(
        "w", [analysed_record(row, Utterance("broken \ud800 emoji", "\udfff"))]
    )
    (hit,) = search(any_lake, "w", "broken").hits
    assert (hit.text, hit.speaker) == ("broken ? emoji", "?")
