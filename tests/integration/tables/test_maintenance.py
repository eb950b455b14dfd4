import threading
from datetime import timedelta
from pathlib import Path

import lance
import pytest

from everlake.lake import Lake
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.search import search
from everlake.tables import local_version_store
from everlake.tables.local_backend import LocalTableBackend
from everlake.tables.snapshot import Snapshot
from tests.support.lake_files import reopened, table_directory, workspace_directory
from tests.support.lake_rows import Utterance, analysed_record, arrived_record, record_id


def pieces(lake: Lake, table: str) -> int:
    return len(lance.dataset(table_directory(lake, table)).get_fragments())


def fill(lake: Lake, batches: range) -> None:
    for sequence in batches:
        rows = [arrived_record(n % 37, sequence, line=n % 7) for n in range(sequence, sequence + 7)]
        lake.records.merge("w", rows)
        lake.utterances.write(
            "w",
            [analysed_record(row, f"word{row.version % 5} common", "second line") for row in rows],
        )


def answers(lake: Lake) -> object:
    return (
        lake.records.page("w", limit=100),
        lake.records.summary("w"),
        [lake.arrivals.batches_of_record("w", record_id(n)) for n in range(37)],
        [
            {(hit.record_id, hit.ordinal, hit.text) for hit in search(lake, "w", q, limit=200).hits}
            for q in ("common", "word3", '"second line"')
        ],
    )


def test_compaction_changes_no_answer(lake: Lake) -> None:
    fill(lake, range(1, 25))
    before = answers(lake)
    many = pieces(lake, "arrivals")
    steps = lake.engine.maintain("w")
    assert {step.action for step in steps} == {"compact"}
    assert pieces(lake, "arrivals") < many
    assert answers(lake) == before
    assert answers(reopened(lake)) == before


def test_maintenance_has_nothing_left_to_do_after_a_run(lake: Lake) -> None:
    fill(lake, range(1, 25))
    lake.engine.maintain("w")
    assert lake.engine.maintain("w") == []


def test_extending_indexes_changes_no_answer(lake: Lake) -> None:
    for sequence in (1, 2, 3):
        rows = [arrived_record((sequence, n), sequence, line=n) for n in range(1_000)]
        lake.records.merge("w", rows)
        lake.utterances.write(
            "w", [analysed_record(row, f"word{n}", f"about {n % 10}") for n, row in enumerate(rows)]
        )
        before = [search(lake, "w", q, limit=50).hits for q in ("word7", "word7 word8")]
        steps = lake.engine.maintain("w")
        assert [(step.table, step.action) for step in steps] == [] or {
            (step.table, step.action) for step in steps
        } == {("utterances", "index")}
        after = [search(lake, "w", q, limit=50).hits for q in ("word7", "word7 word8")]
        assert [{hit.record_id for hit in hits} for hits in before] == [
            {hit.record_id for hit in hits} for hits in after
        ]
        assert len(after[0]) == sequence
    assert lake.records.count("w") == 3_000


def test_old_versions_are_removed_and_their_readers_recover(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = reopened(lake)
    for sequence in range(1, 80):
        lake.records.merge("w", [arrived_record(n, sequence, line=n) for n in range(3)])
        if sequence == 40:
            assert len(reader.records.page("w", limit=9).records) == 3
    versions = workspace_directory(lake) / "records.lance/_versions"
    lake.engine.maintain("w")
    assert len(list(versions.glob("*.manifest"))) > 79
    monkeypatch.setattr(local_version_store, "VERSION_RETENTION", timedelta(0))
    steps = lake.engine.maintain("w")
    assert {(step.table, step.action) for step in steps} == {
        ("records", "clean"),
        ("arrivals", "clean"),
    }
    assert len(list(versions.glob("*.manifest"))) == 1
    assert len(reader.records.page("w", limit=9).records) == 3
    lake.records.merge("w", [arrived_record("later", 100)])
    assert lake.records.count("w") == reader.records.count("w") == 4


def test_a_read_of_a_removed_version_is_repeated(lake: Lake) -> None:
    lake.records.merge("w", [arrived_record("a", 1)])
    table = lake.engine.table("w", RECORDS_TABLE)
    held = table.read(lambda now: now, None)
    assert held is not None
    for sequence in (2, 3):
        lake.records.merge("w", [arrived_record("a", sequence)])
    lance.dataset(table.uri).cleanup_old_versions(timedelta(0))
    asked: list[Snapshot] = []

    def read(now: Snapshot) -> object:
        asked.append(now)
        return (held if len(asked) == 1 else now).select(["version", "data_bytes"], "nature = ''")

    assert table.read(read, None) == []
    assert len(asked) == 2


def test_merges_maintenance_and_reads_run_concurrently(lake: Lake) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def repeat(job: object) -> None:
        while not stop.is_set():
            try:
                job()  # type: ignore[operator]
            except BaseException as error:  # noqa: BLE001  (reported below)
                failures.append(error)
                return

    jobs = [
        lambda: lake.engine.maintain("w"),
        lambda: lake.records.page("w", limit=20),
        lambda: search(lake, "w", "common"),
        lambda: lake.records.get("w", record_id(3)),
    ]
    threads = [threading.Thread(target=repeat, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    fill(lake, range(1, 32))
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert lake.records.count("w") == 37
    assert len(search(lake, "w", "common", limit=100).hits) == 37


def test_utterances_of_replaced_records_do_not_accumulate(lake: Lake) -> None:
    for sequence in range(1, 30):
        row = arrived_record("a", sequence)
        lake.records.merge("w", [row])
        lake.utterances.write("w", [analysed_record(row, Utterance("one"), Utterance("two"))])
        lake.engine.maintain("w")
    assert lance.dataset(table_directory(lake, "utterances")).count_rows() == 2


def test_merges_with_and_without_the_index_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lakes = {pays: Lake(LocalTableBackend(tmp_path / pays)) for pays in ("always", "never")}
    for pays, lake in lakes.items():
        monkeypatch.setattr(
            "everlake.lake.record_merge.KEYS_SCANNED_PER_LOOKUP", 0 if pays == "always" else 10**9
        )
        fill(lake, range(1, 9))
        with lake.engine.table("w", RECORDS_TABLE).writing() as writer:
            writer.create_index("record_id", "BTREE")
        fill(lake, range(9, 20))
        fill(lake, range(5, 12))  # late ones, which are older

    assert answers(lakes["always"]) == answers(lakes["never"])
