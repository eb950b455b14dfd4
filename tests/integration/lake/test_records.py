import tempfile
from itertools import permutations
from pathlib import Path

import lance
import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everlake.contract.envelope import Participant
from everlake.lake import Lake, LakeUnavailable
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.model.records import ArrivedRecord
from everlake.tables.errors import LanceError
from everlake.tables.local_backend import LocalTableBackend
from tests.support.lake_files import table_directory, workspace_directory
from tests.support.lake_rows import arrived_record, record_id

ODD_TEXTS = [
    b'{"n":1.0,"m":1e999,"big":123456789012345678901234567890,"z":-0.0}',
    rb'{"escapes":"\u0041\/\ud83d\ude00\u2028","lone":"\ud800"}',
    b'{"a":1,"a":2,"\\u0061":3}',
    b'{ "spaced" :\t[ 1 ,\r\n\n 2 ] }  ',
    '{"emoji":"😀👩‍👩‍👧","sep":"\u2028\u2029\ufeff","nul":"\\u0000"}'.encode(),
    b"{}",
]


def test_a_record_is_read_back_as_it_arrived(any_lake: Lake) -> None:
    row = arrived_record(
        "a",
        7,
        line=3,
        source="zendesk",
        record_type="call",
        event_at="0001-01-01T00:00:00Z",
        project_ids=["p1", "p2"],
        thread_id="t",
        tags=["x", "y"],
        nature="guidance",
        vendor_ids={"b": "2", "a": "1"},
    )
    any_lake.records.merge("w", [row])
    stored = any_lake.records.get("w", row.record_id)
    assert stored is not None
    for name in stored.__struct_fields__:
        assert getattr(stored, name) == getattr(row, name)


def test_the_last_representable_event_time_is_read_back(any_lake: Lake) -> None:
    any_lake.records.merge("w", [arrived_record("a", 1, event_at="9999-12-31T23:59:59Z")])
    stored = any_lake.records.get("w", record_id("a"))
    assert stored is not None
    assert stored.event_at == "9999-12-31T23:59:59Z"


def test_data_comes_back_byte_for_byte(any_lake: Lake) -> None:
    rows = [arrived_record(n, 1, line=n, data=text) for n, text in enumerate(ODD_TEXTS)]
    any_lake.records.merge("w", rows)
    any_lake.records.merge("w", [arrived_record("later", 2)])
    assert [any_lake.records.get("w", row.record_id).data for row in rows] == ODD_TEXTS  # type: ignore[union-attr]
    page = any_lake.records.page("w", limit=10)
    assert [one.data for one in page.records[1:]] == ODD_TEXTS[::-1]


def test_data_of_five_megabytes_comes_back_byte_for_byte(any_lake: Lake) -> None:
    text = b'{"x":"' + b"0123456789abcdef" * 327_000 + b'"}'
    any_lake.records.merge(
        "w", [arrived_record("big", 1, data=text), arrived_record("small", 1, line=1)]
    )
    stored = any_lake.records.get("w", record_id("big"))
    assert stored is not None
    assert stored.data == text


def test_text_that_is_not_utf8_is_refused_and_nothing_is_written(any_lake: Lake) -> None:
    with pytest.raises(ValueError, match=r"(?i)utf"):
        any_lake.records.merge("w", [arrived_record("a", 1, data=b'{"a":"\xff"}')])
    assert any_lake.records.count("w") == 0
    assert any_lake.arrivals.batches_of_record("w", record_id("a")) == []


@given(
    arrivals=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=6),
    data=st.data(),
)
@settings(max_examples=15, deadline=None)
def test_the_last_arrival_wins_whatever_the_order_of_merges(
    arrivals: list[tuple[str, bool]], data: st.DataObject
) -> None:
    sequence = 1
    batches: list[list[ArrivedRecord]] = [[]]
    for name, next_batch in arrivals:
        if next_batch and batches[-1]:
            sequence += 1
            batches.append([])
        batches[-1].append(arrived_record(name, sequence, line=len(batches[-1])))
    rows = [row for batch in batches for row in batch]
    last = {row.record_id: row for row in rows}
    with tempfile.TemporaryDirectory() as directory:
        lake = Lake(LocalTableBackend(Path(directory)))
        for batch in data.draw(st.permutations(batches)):
            lake.records.merge("w", data.draw(st.permutations(batch)))
        assert lake.records.count("w") == len(last)
        for key, row in last.items():
            stored = lake.records.get("w", key)
            assert stored is not None
            assert (stored.version, stored.data) == (row.version, row.data)
            assert lake.arrivals.batches_of_record("w", key) == [
                (one.version, one.batch_id) for one in rows if one.record_id == key
            ]


def test_of_duplicates_in_one_call_the_highest_version_stays(any_lake: Lake) -> None:
    for number, order in enumerate(permutations(range(3))):
        workspace = f"w{number}"
        merged = any_lake.records.merge(
            workspace, [arrived_record("a", 1, line=line) for line in order]
        )
        assert (merged.received, merged.inserted, merged.replaced) == (3, 1, 0)
        stored = any_lake.records.get(workspace, record_id("a"))
        assert stored is not None
        assert stored.version == arrived_record("a", 1, line=2).version


def test_merging_the_same_rows_again_changes_nothing(any_lake: Lake) -> None:
    rows = [arrived_record(n, 1, line=n) for n in range(5)]
    any_lake.records.merge("w", rows)
    before = any_lake.records.page("w", limit=10)
    merged = any_lake.records.merge("w", rows)
    assert (merged.inserted, merged.replaced) == (0, 0)
    assert any_lake.records.page("w", limit=10) == before
    assert any_lake.arrivals.batches_of_record("w", record_id(0)) == [(rows[0].version, "batch-1")]


def test_the_whole_earlier_record_is_replaced(any_lake: Lake) -> None:
    any_lake.records.merge(
        "w", [arrived_record("a", 1, tags=["old"], thread_id="t", project_ids=["x"])]
    )
    merged = any_lake.records.merge("w", [arrived_record("a", 2)])
    assert merged.replaced == 1
    stored = any_lake.records.get("w", record_id("a"))
    assert stored is not None
    assert (stored.tags, stored.thread_id, stored.project_ids) == ([], None, ["proj_1"])


def test_a_workspace_without_tables_is_empty(lake: Lake) -> None:
    assert lake.records.get("w", record_id("a")) is None
    assert lake.arrivals.batches_of_record("w", record_id("a")) == []
    assert lake.records.page("w", limit=5).records == []
    assert lake.records.count("w") == 0
    assert lake.records.summary("w").records == 0
    assert lake.engine.maintain("w") == []
    assert not workspace_directory(lake).exists()


def test_a_workspace_sees_only_its_own_records(any_lake: Lake) -> None:
    any_lake.records.merge("w1", [arrived_record("a", 1, data=b'{"w":1}')])
    any_lake.records.merge(
        "w2", [arrived_record("a", 1, data=b'{"w":2}'), arrived_record("b", 1, line=1)]
    )
    first = any_lake.records.get("w1", record_id("a"))
    assert first is not None
    assert first.data == b'{"w":1}'
    assert any_lake.records.get("w1", record_id("b")) is None
    assert any_lake.records.count("w1") == 1


@pytest.mark.parametrize("name", ["", "..", "a/b", "../w", "w=1", "-w", "w\n", "é"])
def test_a_workspace_id_that_is_no_directory_name_is_refused(any_lake: Lake, name: str) -> None:
    with pytest.raises(ValueError, match="workspace id"):
        any_lake.records.count(name)


def test_records_are_counted_by_type_and_source(any_lake: Lake) -> None:
    any_lake.records.merge(
        "w",
        [
            arrived_record("a", 1),
            arrived_record("b", 1, line=1, source="slack"),
            arrived_record("c", 1, line=2, source="slack", record_type="message"),
        ],
    )
    summary = any_lake.records.summary("w")
    assert summary.records == 3
    assert list(summary.by_type.items()) == [("email", 2), ("message", 1)]
    assert list(summary.by_source.items()) == [("slack", 2), ("api", 1)]


def test_a_record_id_with_quotes_finds_nothing(any_lake: Lake) -> None:
    any_lake.records.merge("w", [arrived_record("a", 1)])
    assert any_lake.records.get("w", "' OR 1=1 --") is None
    assert any_lake.arrivals.batches_of_record("w", "' OR 1=1 --") == []


def test_the_records_table_has_its_documented_types(lake: Lake) -> None:
    someone = Participant(id="u1", role="external", name="Ada", email="Ada@x.org", type="user")
    lake.records.merge("w", [arrived_record("a", 1, participants=[someone], vendor_ids={"k": "v"})])
    table = lance.dataset(table_directory(lake, "records")).to_table()
    assert table.schema.field("event_at").type == pa.timestamp("us", "UTC")
    assert table.schema.field("ingested_at").type == pa.timestamp("ms", "UTC")
    row = table.to_pylist()[0]
    assert row["participants"] == [msgspec.to_builtins(someone)]
    assert row["vendor_ids"] == [("k", "v")]
    assert row["participant_keys"] == ["u1", "ada@x.org"]
    assert row["data_bytes"] == len(row["data"])


def test_a_call_larger_than_one_merge_lands_whole(
    any_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("everlake.lake.record_merge.MERGE_BYTES", 200)
    again = [arrived_record(n, 2, n) for n in range(0, 50, 7)]
    rows = [*(arrived_record(n, 1, n) for n in range(50)), *again]

    merged = any_lake.records.merge("w", rows)

    assert (merged.received, merged.inserted, merged.replaced) == (len(rows), 50, 0)
    assert any_lake.records.count("w") == 50
    for row in again:
        found = any_lake.records.get("w", row.record_id)
        assert found is not None
        assert found.version == row.version
        assert len(any_lake.arrivals.batches_of_record("w", row.record_id)) == 2


def test_a_join_without_memory_is_unavailable_and_not_damaged(any_lake: Lake) -> None:
    any_lake.records.merge("w", [arrived_record("a", 1)])
    fault = LanceError("Resources exhausted: Failed to allocate 63.7 MB for HashJoinInput")
    with (
        pytest.raises(LakeUnavailable, match="memory"),
        any_lake.engine.table("w", RECORDS_TABLE).writing(),
    ):
        raise fault
