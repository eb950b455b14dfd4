"""A swap of table sets: readers and writers find all old tables or all new ones."""

import threading
import time
from pathlib import Path

import pytest

from everlake.lake import Lake, LakeUnavailable
from everlake.lake.derived_tables import DERIVED_TABLES
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.lake.utterance_rows import UTTERANCES_TABLE
from everlake.tables import local_table_set as place_module
from everlake.tables import local_version_store as local_module
from everlake.tables.local_backend import LocalTableBackend
from everlake.tables.snapshot import Snapshot
from tests.support.lake_files import reopened, storage_root, workspace_directory
from tests.support.lake_rows import analysed_record, arrived_record, record_id
from tests.support.processes import wait_until


def filled(lake: Lake, count: int, word: str = "hello", first: int = 1) -> None:
    """Write ``count`` records, each from a batch of its own."""
    for sequence in range(first, first + count):
        row = arrived_record(sequence, sequence)
        lake.records.merge("w", [row])
        lake.utterances.write("w", [analysed_record(row, f"{word} {sequence}")])


def swap(lake: Lake) -> None:
    with lake.engine.exclusive("w"):
        lake.engine.table_set("w").swap()
    lake.engine.table_set("w").remove_replaced()


def test_a_reader_with_open_tables_finds_the_new_ones(lake: Lake) -> None:
    reader = reopened(lake)
    filled(lake, 3)
    filled(lake.staged(), 5)
    assert reader.records.count("w") == 3

    swap(lake)

    assert reader.records.count("w") == 5
    assert reader.records.get("w", record_id(5)) is not None
    assert len(reader.records.page("w", limit=9).records) == 5


@pytest.mark.parametrize("commits", [2, 4, 7])
def test_replaced_tables_are_noticed_whatever_their_version(lake: Lake, commits: int) -> None:
    filled(lake, 4)
    staged = lake.staged()
    for sequence in range(1, commits + 1):
        rows = [arrived_record(f"{sequence} {line}", sequence, line) for line in range(3)]
        staged.records.merge("w", rows)
        staged.utterances.write("w", [analysed_record(row, "said") for row in rows])
    versions = [
        each.engine.table("w", RECORDS_TABLE).read(lambda now: now.version, 0)
        for each in (lake, staged)
    ]
    assert versions[1] - versions[0] == commits - 4
    assert lake.records.count("w") == 4

    swap(lake)

    assert lake.records.count("w") == 3 * commits
    assert lake.engine.table("w", UTTERANCES_TABLE).read(lambda now: now.count(), 0) == 3 * commits


def test_a_read_during_a_swap_is_repeated_on_the_new_tables(lake: Lake) -> None:
    filled(lake, 3)
    filled(lake.staged(), 5)
    other = reopened(lake)
    counts: list[int] = []

    def read(now: Snapshot) -> int:
        rows = now.select(["record_id"])
        if not counts:
            swap(other)
        counts.append(len(rows))
        return len(now.select(["data"]))

    assert lake.engine.table("w", RECORDS_TABLE).read(read, 0) == 5
    assert counts[0] == 3


def test_a_writer_that_waited_for_a_swap_writes_to_the_new_tables(lake: Lake) -> None:
    filled(lake, 3)
    filled(lake.staged(), 5)
    writer = reopened(lake)
    writer.records.count("w")
    waiting = threading.Thread(target=filled, args=(writer, 1, "later", 9))
    with lake.engine.exclusive("w"):
        waiting.start()
        time.sleep(0.3)
        lake.engine.table_set("w").swap()
    waiting.join()
    lake.engine.table_set("w").remove_replaced()

    assert lake.records.count("w") == 6
    assert reopened(lake).records.count("w") == 6


def test_a_writer_that_waited_for_a_swap_locks_the_new_tables(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(lake, 1)
    filled(lake.staged(), 1)
    root = storage_root(lake)
    has_it, done = threading.Event(), threading.Event()

    def hold() -> None:
        with Lake(LocalTableBackend(root)).engine.table("w", RECORDS_TABLE).exclusive():
            has_it.set()
            done.wait()

    waiting = threading.Thread(target=hold)
    with lake.engine.exclusive("w"):
        waiting.start()
        time.sleep(0.3)
        lake.engine.table_set("w").swap()
    try:
        assert has_it.wait(10)
        monkeypatch.setattr(local_module, "LOCK_TIMEOUT_SECONDS", 0.1)
        with (
            pytest.raises(LakeUnavailable),
            Lake(LocalTableBackend(root)).engine.table("w", RECORDS_TABLE).exclusive(),
        ):
            pass
    finally:
        done.set()
        waiting.join()


def test_a_writer_with_open_tables_continues_in_the_new_ones(lake: Lake) -> None:
    filled(lake, 3)
    filled(lake.staged(), 5)
    swap(reopened(lake))

    filled(lake, 2, "later", 6)
    lake.engine.maintain("w")

    assert lake.records.count("w") == 7


def test_exclusive_access_keeps_every_writer_out(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(lake, 1)
    monkeypatch.setattr(local_module, "LOCK_TIMEOUT_SECONDS", 0.1)
    other = reopened(lake)
    with other.engine.exclusive("w"):
        for spec in DERIVED_TABLES.specs:
            table = lake.engine.table("w", spec)
            with pytest.raises(LakeUnavailable), table.writing():
                pass
        assert lake.records.count("w") == 1
    filled(lake, 1, first=2)


def stopped_between_the_renames(lake: Lake, *, whole: bool) -> None:
    directory, staged = (
        workspace_directory(lake),
        Path(lake.engine.table_set("w").staged_uri),
    )
    if whole:
        (staged / "_whole").touch()
    directory.rename(staged.with_name(directory.name + ".old"))


@pytest.mark.parametrize(("whole", "count"), [(True, 5), (False, 3)])
@pytest.mark.parametrize("who", ["reader", "writer", "upkeep"])
def test_a_swap_cut_off_between_its_renames_is_finished_by_the_next_process(
    lake: Lake, who: str, count: int, *, whole: bool
) -> None:
    filled(lake, 3)
    filled(lake.staged(), 5)
    stopped_between_the_renames(lake, whole=whole)
    comer = reopened(lake)

    if who == "reader":
        assert comer.records.count("w") == count
    elif who == "writer":
        filled(comer, 1, "later", 9)
        assert comer.records.count("w") == count + 1
    else:
        comer.engine.maintain("w")
        assert comer.records.count("w") == count


def test_maintenance_removes_replaced_tables(lake: Lake) -> None:
    filled(lake, 3)
    filled(lake.staged(), 5)
    with lake.engine.exclusive("w"):
        lake.engine.table_set("w").swap()

    lake.engine.maintain("w")

    assert [path.name for path in workspace_directory(lake).parent.rglob("*.old")] == []
    assert not list(workspace_directory(lake).glob("_*"))
    assert lake.records.count("w") == 5


def test_replaced_tables_can_be_kept(lake: Lake) -> None:
    filled(lake, 3)
    filled(lake.staged(), 5)
    with lake.engine.exclusive("w"):
        lake.engine.table_set("w").swap("kept")
    lake.engine.maintain("w")

    kept = workspace_directory(lake).parent / "replaced" / "kept"
    assert (kept / "records.lance").is_dir()


def test_readers_see_all_of_a_swap_or_nothing(lake: Lake) -> None:
    filled(lake, 20)
    root = storage_root(lake)
    stop, reading = threading.Event(), threading.Event()
    seen: set[tuple[int, int, int]] = set()
    errors: list[Exception] = []
    reads = 0

    def read() -> None:
        nonlocal reads
        reader = Lake(LocalTableBackend(root))
        while not stop.is_set():
            if not reading.wait(0.05):
                continue
            reads += 1
            try:
                page = reader.records.page("w", limit=100)
                said = reader.engine.table("w", UTTERANCES_TABLE).read(lambda now: now.count(), 0)
                seen.add((reader.records.count("w"), len(page.records), said))
            except Exception as error:  # noqa: BLE001 - looked at below
                errors.append(error)

    def wait_for_reads() -> None:
        enough = reads + 6
        wait_until(lambda: reads >= enough, "the readers read")

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        filled(lake.staged(), 20)
        reading.set()
        wait_for_reads()
        swap(lake)
        wait_for_reads()
        reading.clear()
    stop.set()
    for thread in threads:
        thread.join()

    assert errors == []
    assert seen == {(20, 20, 20)}


def test_every_rename_of_a_swap_is_synced(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(lake, 1)
    filled(lake.staged(), 2)
    events: list[str] = []
    rename, sync = Path.rename, place_module._sync

    def noted_rename(self: Path, target: Path) -> Path:
        events.append("rename")
        return rename(self, target)

    def noted_sync(path: Path) -> None:
        events.append(f"sync {path.name}")
        sync(path)

    monkeypatch.setattr(Path, "rename", noted_rename)
    monkeypatch.setattr(place_module, "_sync", noted_sync)
    with lake.engine.exclusive("w"):
        lake.engine.table_set("w").swap()

    assert events[:2] == ["sync _whole", f"sync {Path(lake.engine.table_set('w').uri).name}"]
    assert events[2:] == ["rename", "rename", "sync lake", "sync rebuild"]
