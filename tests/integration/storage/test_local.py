"""Local store: behaviour specific to a disk. ``test_stores`` tests what all stores share."""

import errno
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from everlake.storage import StorageFull, StorageUnavailable
from everlake.storage.local import LocalStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(root: Path) -> LocalStore:
    return LocalStore(root)


def files_below(directory: Path) -> list[str]:
    return sorted(
        path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()
    )


def name_of(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


class Journal:
    """Journal of the program's system calls that change the disk, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[tuple[str, str]] = []
        fsync, rename, mkdir = os.fsync, Path.rename, Path.mkdir

        def seen_fsync(descriptor: int) -> None:
            kind = "directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
            path = name_of(descriptor)
            fsync(descriptor)
            self.steps.append((f"sync {kind}", path))

        def seen_rename(path: Path, target: Path) -> Path:
            made = rename(path, target)
            self.steps.append(("rename", str(path)))
            self.steps.append(("in place", str(target)))
            return made

        def seen_mkdir(path: Path, *arguments: Any, **options: Any) -> None:
            mkdir(path, *arguments, **options)
            self.steps.append(("mkdir", str(path)))

        monkeypatch.setattr(os, "fsync", seen_fsync)
        monkeypatch.setattr(Path, "rename", seen_rename)
        monkeypatch.setattr(Path, "mkdir", seen_mkdir)

    def at(self, step: str, path: Path) -> int:
        return self.steps.index((step, str(path)))

    def last(self, step: str, path: Path) -> int:
        found = [number for number, one in enumerate(self.steps) if one == (step, str(path))]
        assert found, f"no {step} of {path} in {self.steps}"
        return found[-1]


def test_an_object_can_be_replaced_as_a_whole(store: LocalStore) -> None:
    store.put_many([("a", b"long content")])
    store.put_many([("a", b"short")])

    assert store.get("a") == b"short"


def test_a_listing_has_the_times_of_writes(store: LocalStore, root: Path) -> None:
    store.put_many([("a/1", b"x")])
    os.utime(root / "a" / "1", (1_700_000_000.5, 1_700_000_000.5))

    [listed] = store.list("a")

    assert listed.modified_ms == 1_700_000_000_500


def test_remains_of_interrupted_writes_are_listed(store: LocalStore, root: Path) -> None:
    store.put_many([("a/1", b"x")])
    (root / "a" / "2.ndjson.zst.00ff00ff.partial").write_bytes(b"x")

    assert sorted(one.path for one in store.list("a")) == [
        "a/1",
        "a/2.ndjson.zst.00ff00ff.partial",
    ]


def test_a_list_does_not_follow_links_out_of_the_store(
    store: LocalStore, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"x")
    store.put_many([("a/1", b"x")])
    (root / "a" / "link").symlink_to(tmp_path / "outside")

    assert not any(one.path.endswith("secret") for one in store.list("a"))


@pytest.mark.parametrize("failing", [1, 2, 3])
@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, StorageUnavailable)],
)
def test_no_object_is_left_when_a_file_cannot_be_synced(
    store: LocalStore,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: int,
    number: int,
    kind: type[Exception],
) -> None:
    fsync, synced = os.fsync, 0

    def failing_fsync(descriptor: int) -> None:
        nonlocal synced
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            synced += 1
            if synced == failing:
                raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing_fsync)
    with pytest.raises(kind):
        store.put_many([("a/1", b"x"), ("b/2", b"x"), ("b/3", b"x")])

    assert files_below(root) == []


def test_a_write_that_fails_keeps_an_object_that_another_call_has_stored(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_many([("a/1", b"x")])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("everlake.storage.local.write_all", full)
    with pytest.raises(StorageFull):
        store.put_many([("a/1", b"x")])

    assert store.get("a/1") == b"x"


def test_no_object_is_left_when_a_directory_cannot_be_synced(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_many([("a/0", b"x")])
    fsync = os.fsync

    def failing_fsync(descriptor: int) -> None:
        if name_of(descriptor) == str(root / "a"):
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing_fsync)
    with pytest.raises(StorageUnavailable, match="could not write: Input/output error"):
        store.put_many([("a/1", b"x"), ("b/2", b"x")])

    assert files_below(root) == ["a/0"]


def test_a_reader_sees_a_whole_object_or_none(store: LocalStore) -> None:
    contents = {b"a" * 500_000, b"b" * 400_000}
    store.put_many([("x", min(contents))])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(store.get("x"))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for content in contents:
            store.put_many([("x", content)])
    done.set()
    reader.join()

    assert seen <= contents


def test_a_file_has_its_whole_content_before_its_name(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    rename, sizes = Path.rename, list[int]()

    def seen_rename(path: Path, target: Path) -> Path:
        sizes.append(path.stat().st_size)
        assert path.name.endswith(".partial")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", seen_rename)
    store.put_many([("a/1", b"x" * 300_000), ("a/2", b"y")])

    assert sizes == [300_000, 1]


def test_every_file_and_then_its_directory_is_synced_before_a_write_returns(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    store.put_many([("a/0", b"x"), ("b/0", b"x")])
    journal = Journal(monkeypatch)

    store.put_many([("a/1", b"x"), ("a/2", b"x"), ("b/3", b"x")])

    for name in ("a/1", "a/2", "b/3"):
        file = root / name
        assert (
            journal.at("in place", file)
            < journal.at("sync file", file)
            < journal.last("sync directory", file.parent)
        )


def test_objects_of_one_call_share_the_sync_of_their_directory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    store.put_many([("a/0", b"x")])
    journal = Journal(monkeypatch)

    store.put_many([(f"a/{number}", b"x") for number in range(5)])

    assert [path for step, path in journal.steps if step == "sync directory"] == [str(root / "a")]


def test_a_new_directory_is_synced_into_the_one_above_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(monkeypatch)

    LocalStore(root).put_many([("a/b/1", b"x")])

    for directory in (root, root / "a", root / "a" / "b"):
        assert journal.at("mkdir", directory) < journal.last("sync directory", directory.parent)


def test_directories_of_another_process_are_synced_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever made them may have been killed between making and syncing them.
    (root / "a" / "b").mkdir(parents=True)
    journal = Journal(monkeypatch)
    store = LocalStore(root)

    store.put_many([("a/b/1", b"x")])

    for directory in (root.parent, root, root / "a", root / "a" / "b"):
        assert ("sync directory", str(directory)) in journal.steps
    journal.steps.clear()
    store.put_many([("a/b/2", b"x")])
    assert [path for step, path in journal.steps if step == "sync directory"] == [
        str(root / "a" / "b")
    ]


def test_a_directory_that_could_not_be_synced_is_synced_the_next_time(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    store.put_many([("0", b"x")])
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda _: _raise(errno.EIO))
    with pytest.raises(StorageUnavailable):
        store.put_many([("a/1", b"x")])
    monkeypatch.setattr(os, "fsync", fsync)
    journal = Journal(monkeypatch)

    store.put_many([("a/1", b"x")])

    assert ("sync directory", str(root)) in journal.steps


def _raise(number: int) -> None:
    raise OSError(number, os.strerror(number))


def test_a_store_works_again_after_its_directory_was_deleted(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_many([("a/1", b"x")])
    root.rename(root.with_name("away"))
    journal = Journal(monkeypatch)

    store.put_many([("a/2", b"x")])

    assert store.get("a/2") == b"x"
    for directory in (root, root / "a"):
        assert ("sync directory", str(directory.parent)) in journal.steps


def test_a_file_in_place_of_a_directory_makes_the_storage_unavailable(
    store: LocalStore, root: Path
) -> None:
    root.mkdir()
    (root / "a").write_bytes(b"x")

    with pytest.raises(StorageUnavailable):
        store.put_many([("a/1", b"x")])
    with pytest.raises(StorageUnavailable, match="could not read"):
        store.get("a/1")


def test_a_check_says_why_the_storage_cannot_be_used(root: Path) -> None:
    root.write_bytes(b"a file, no folder")

    with pytest.raises(StorageUnavailable, match="could not write"):
        LocalStore(root).check()
