import os
import shutil
import subprocess
import sys
from pathlib import Path

import lance
import pytest

from everlake.lake import Lake, LakeDamaged, LakeUnavailable
from everlake.tables.durability import SyncedTree
from everlake.tables.local_backend import LocalTableBackend
from tests.support.lake_files import reopened, storage_root, table_directory, workspace_directory
from tests.support.lake_rows import analysed_record, arrived_record, record_id

HINT = "latest_version_hint.json"


class Syncs:
    """Inodes of synced files; the real call is made as well."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._inodes: set[int] = set()
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, descriptor: int) -> None:
        self._inodes.add(os.fstat(descriptor).st_ino)
        self._fsync(descriptor)

    def __len__(self) -> int:
        return len(self._inodes)

    def clear(self) -> None:
        self._inodes.clear()

    def missing(self, paths: set[Path]) -> set[Path]:
        return {path for path in paths if path.stat().st_ino not in self._inodes}


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> Syncs:
    return Syncs(monkeypatch)


def everything(root: Path) -> set[Path]:
    return {root, *root.rglob("*")}


def test_every_file_and_directory_of_a_new_lake_is_synced(lake: Lake, syncs: Syncs) -> None:
    row = arrived_record("a", 1)
    lake.records.merge("w", [row])
    lake.utterances.write("w", [analysed_record(row, "hello")])
    root = storage_root(lake)
    assert syncs.missing(everything(root)) == set()


def test_every_new_file_of_every_commit_is_synced(lake: Lake, syncs: Syncs) -> None:
    row = arrived_record("a", 1)
    lake.records.merge("w", [row])
    lake.utterances.write("w", [analysed_record(row, "hello")])
    for sequence in (2, 3):
        before = everything(workspace_directory(lake))
        syncs.clear()
        row = arrived_record("a", sequence)
        lake.records.merge("w", [row])
        lake.utterances.write("w", [analysed_record(row, "hello", "again")])
        new = everything(workspace_directory(lake)) - before
        assert {path.suffix for path in new} >= {".manifest", ".txn", ".lance"}
        assert syncs.missing(new | {path.parent for path in new}) == set()


def test_files_written_by_maintenance_are_synced(lake: Lake, syncs: Syncs) -> None:
    for sequence in range(1, 20):
        lake.records.merge("w", [arrived_record(sequence, sequence)])
    before = everything(workspace_directory(lake))
    syncs.clear()
    assert lake.engine.maintain("w")
    assert syncs.missing(everything(workspace_directory(lake)) - before) == set()


def test_a_new_process_syncs_files_of_an_earlier_one(lake: Lake, syncs: Syncs) -> None:
    lake.records.merge("w", [arrived_record("a", 1)])
    syncs.clear()
    reopened(lake).records.merge("w", [arrived_record("b", 2)])
    assert syncs.missing(everything(workspace_directory(lake))) == set()


def test_files_synced_before_are_not_synced_again(lake: Lake, syncs: Syncs) -> None:
    lake.records.merge("w", [arrived_record(0, 1)])
    counts: list[int] = []
    for sequence in range(2, 12):
        syncs.clear()
        lake.records.merge("w", [arrived_record(sequence, sequence)])
        counts.append(len(syncs))
    assert max(counts) == min(counts)


def test_a_failed_sync_is_repeated(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.records.merge("w", [arrived_record("a", 1)])

    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        with pytest.raises(LakeUnavailable, match="Input/output"):
            lake.records.merge("w", [arrived_record("b", 2)])
    lake.records.merge("w", [arrived_record("b", 2)])
    assert lake.records.count("w") == 2


def test_a_file_that_replaces_another_is_synced(tmp_path: Path, syncs: Syncs) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "hint").write_text("1")
    tree = SyncedTree(root, tmp_path)
    tree.sync()
    (root / "hint.new").write_text("2")
    (root / "hint.new").replace(root / "hint")
    syncs.clear()
    tree.sync()
    assert syncs.missing({root / "hint"}) == set()


def test_a_table_whose_creation_was_cut_off_is_created_again(lake: Lake) -> None:
    root = storage_root(lake)
    lance.write_dataset(
        lance.dataset(make(lake)).schema.empty_table(),
        Path(lake.engine.table_set("v").uri) / "records.lance",
    )
    os.truncate(newest_manifest(lake, "v"), 0)
    after = Lake(LocalTableBackend(root))
    after.records.merge("v", [arrived_record("a", 1)])
    assert after.records.count("v") == 1


def test_a_lost_data_file_is_damage_and_the_message_says_what_to_do(lake: Lake) -> None:
    path = make(lake)
    for file in (path / "data").iterdir():
        file.unlink()
    after = reopened(lake)
    with pytest.raises(LakeDamaged) as raised:
        after.records.page("w", limit=5)
    assert (raised.value.workspace, raised.value.table) == ("w", "records")
    assert "everlake lake rebuild --workspace w" in str(raised.value)
    with pytest.raises(LakeDamaged):
        after.records.merge("w", [arrived_record("a", 2)])


def test_lost_versions_are_damage_not_an_empty_table(lake: Lake) -> None:
    shutil.rmtree(make(lake) / "_versions")
    after = reopened(lake)
    with pytest.raises(LakeDamaged):
        after.records.count("w")
    with pytest.raises(LakeDamaged):
        after.records.merge("w", [arrived_record("a", 2)])


def test_a_deleted_lake_is_empty_and_can_be_filled_again(lake: Lake, tmp_path: Path) -> None:
    reader = reopened(lake)
    for sequence in (1, 2, 3):
        lake.records.merge("w", [arrived_record(sequence, sequence)])
    assert reader.records.count("w") == 3
    workspace_directory(lake).rename(tmp_path / "aside")
    assert reader.records.page("w", limit=9).records == []
    for sequence in (1, 2, 3):
        lake.records.merge("w", [arrived_record(f"again-{sequence}", sequence)])
        assert lake.records.get("w", record_id(f"again-{sequence}")) is not None
        assert reader.records.get("w", record_id(f"again-{sequence}")) is not None
    assert reader.records.count("w") == 3


def test_what_another_process_writes_is_seen_at_once(lake: Lake) -> None:
    assert lake.records.count("w") == 0
    root = storage_root(lake)
    script = (
        "import sys; from pathlib import Path; from everlake.lake import Lake;"
        "from everlake.tables.local_backend import LocalTableBackend;"
        "from tests.support.lake_rows import arrived_record;"
        "lake = Lake(LocalTableBackend(Path(sys.argv[1])));"
        "[lake.records.merge('w', [arrived_record(n, int(n))]) for n in sys.argv[2:]]"
    )
    for sequences in (["1"], ["2", "3"]):
        subprocess.run([sys.executable, "-c", script, str(root), *sequences], check=True)
        assert lake.records.count("w") == int(sequences[-1])
        assert lake.records.get("w", record_id(sequences[-1])) is not None


def test_a_full_disk_is_unavailable_and_not_damaged(lake: Lake) -> None:
    make(lake)
    root = storage_root(lake)
    script = (
        "import os, resource, signal, sys; from pathlib import Path;"
        "from everlake.lake import Lake, LakeUnavailable;"
        "from everlake.tables.local_backend import LocalTableBackend;"
        "from tests.support.lake_rows import arrived_record;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, -1));"
        "row = arrived_record('b', 2, data=os.urandom(200_000).hex().encode())\n"
        "try: Lake(LocalTableBackend(Path(sys.argv[1]))).records.merge('w', [row])\n"
        "except LakeUnavailable as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(root)], check=True, capture_output=True, text=True
    )
    assert "Check the disk" in done.stdout
    lake.records.merge("w", [arrived_record("b", 2)])
    assert lake.records.count("w") == 2


def make(lake: Lake) -> Path:
    lake.records.merge("w", [arrived_record("a", 1)])
    return table_directory(lake, "records")


def newest_manifest(lake: Lake, workspace: str = "w") -> Path:
    return min(
        (Path(lake.engine.table_set(workspace).uri) / "records.lance/_versions").glob("*.manifest")
    )
