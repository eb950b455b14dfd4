"""Import of files into a local store: behaviour specific to a disk."""

import errno
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.storage import (
    ObjectMissing,
    ObjectUnreadable,
    StorageError,
    StorageFull,
    StorageUnavailable,
)
from everlake.storage.local import LocalStore
from tests.integration.storage.test_local import Journal, files_below, name_of

DISK = 4 * 1024 * 1024


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(root: Path) -> LocalStore:
    return LocalStore(root)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    made = tmp_path / "scratch"
    made.mkdir()
    return made


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of :data:`DISK` bytes."""
    yield from mounted(tmp_path / "disk", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs")


def mounted(place: Path, *what: str) -> Iterator[Path]:
    place.mkdir()
    made = subprocess.run(["mount", *what, place], check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"mounting needs rights that this user lacks: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def files_of(folder: Path, *names: str, data: bytes = b"x") -> list[tuple[str, Path]]:
    """Create files, to be imported as ``a/NAME``."""
    for name in names:
        (folder / name).write_bytes(data)
    return [(f"a/{name}", folder / name) for name in names]


def test_a_file_on_the_same_disk_is_moved_and_not_copied(
    store: LocalStore, root: Path, scratch: Path
) -> None:
    [(path, file)] = files_of(scratch, "1")
    number = file.stat().st_ino

    store.put_files([(path, file)])

    assert (root / "a" / "1").stat().st_ino == number
    assert files_below(scratch) == []
    assert store.local_path("a/1") == root / "a" / "1"


def test_a_file_on_another_disk_is_copied(store: LocalStore, root: Path, other_disk: Path) -> None:
    data = os.urandom(1_000_000)

    store.put_files(files_of(other_disk, "1", "2", data=data))

    assert files_below(root) == ["a/1", "a/2"]
    assert store.get("a/1") == store.get("a/2") == data
    assert files_below(other_disk) == []


def test_a_file_on_the_same_disk_mounted_twice_is_copied(
    store: LocalStore, root: Path, scratch: Path, tmp_path: Path
) -> None:
    files_of(scratch, "1", data=b"content")
    for place in mounted(tmp_path / "again", "--bind", str(scratch)):
        store.put_files([("a/1", place / "1")])

    assert files_below(root) == ["a/1"]
    assert store.get("a/1") == b"content"
    assert files_below(scratch) == []


def test_a_file_is_synced_before_its_rename_and_its_directory_after(
    root: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    journal = Journal(monkeypatch)

    store.put_files(files_of(scratch, "1", "2", "3"))

    synced = [journal.at("sync file", scratch / name) for name in "123"]
    named = [journal.at("in place", root / "a" / name) for name in "123"]
    assert max(synced) < min(named)
    assert max(named) < journal.last("sync directory", root / "a")
    assert [path for step, path in journal.steps[min(named) :] if step == "sync directory"] == [
        str(root / "a")
    ]


def test_a_copy_is_synced_before_its_rename(
    root: Path, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    journal = Journal(monkeypatch)

    store.put_files(files_of(other_disk, "1"))

    [synced] = [
        number
        for number, (step, path) in enumerate(journal.steps)
        if step == "sync file" and path.endswith(".partial")
    ]
    named = journal.at("in place", root / "a" / "1")
    assert synced < named < journal.last("sync directory", root / "a")


def test_bytes_in_memory_are_synced_before_their_rename(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    journal = Journal(monkeypatch)

    store.put_files([("a/1", b"one"), ("a/2", b"two")])

    synced = [
        number
        for number, (step, path) in enumerate(journal.steps)
        if step == "sync file" and path.endswith(".partial")
    ]
    named = [journal.at("in place", root / "a" / name) for name in "12"]
    assert len(synced) == 2
    assert max(synced) < min(named)
    assert max(named) < journal.last("sync directory", root / "a")


def test_a_full_disk_leaves_no_part_of_bytes_in_memory(other_disk: Path) -> None:
    store = LocalStore(other_disk / "data")
    half = os.urandom(DISK * 5 // 8)

    with pytest.raises(StorageFull, match="disk is full"):
        store.put_files([("a/1", half), ("a/2", half)])

    assert files_below(other_disk) == []


def test_the_directory_of_an_existing_object_is_synced(
    store: LocalStore, root: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_many([("a/1", b"x")])
    journal = Journal(monkeypatch)

    store.put_files(files_of(scratch, "1"))

    assert ("sync directory", str(root / "a")) in journal.steps
    assert files_below(scratch) == []


def failing_sync(monkeypatch: pytest.MonkeyPatch, of: Path, number: int) -> None:
    fsync = os.fsync

    def failing(descriptor: int) -> None:
        if name_of(descriptor) == str(of):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, StorageUnavailable)],
)
def test_a_file_that_cannot_be_synced_is_removed(
    store: LocalStore,
    root: Path,
    scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[Exception],
) -> None:
    files = files_of(scratch, "1", "2", "3")
    failing_sync(monkeypatch, scratch / "2", number)

    with pytest.raises(kind):
        store.put_files(files)

    assert files_below(root) == []
    assert files_below(scratch) == ["1", "3"]


def test_an_import_that_failed_after_its_renames_can_be_repeated(
    store: LocalStore, root: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = files_of(scratch, "1", "2")
    with monkeypatch.context() as failing:
        failing_sync(failing, root / "a", errno.EIO)
        with pytest.raises(StorageUnavailable, match="could not write: Input/output error"):
            store.put_files(files)
    journal = Journal(monkeypatch)

    store.put_files(files)

    assert files_below(root) == ["a/1", "a/2"]
    assert ("sync directory", str(root / "a")) in journal.steps


def test_an_import_that_filled_the_disk_can_be_repeated(other_disk: Path, scratch: Path) -> None:
    store = LocalStore(other_disk / "data")
    ballast = other_disk / "ballast"
    ballast.write_bytes(bytes(DISK // 2))
    files = files_of(scratch, "1", "2", data=os.urandom(DISK * 3 // 8))

    with pytest.raises(StorageFull, match="disk is full"):
        store.put_files(files)

    assert files_below(other_disk) == ["ballast"]
    assert files_below(scratch) == ["1", "2"]
    ballast.unlink()
    store.put_files(files)
    assert files_below(other_disk) == ["data/a/1", "data/a/2"]


def test_an_object_may_be_put_from_its_own_file(store: LocalStore, root: Path) -> None:
    store.put_many([("a/1", b"x")])

    store.put_files([("a/1", root / "a" / "1")])

    assert store.get("a/1") == b"x"


def test_more_files_than_can_be_open_at_a_time_are_imported(
    store: LocalStore, root: Path, scratch: Path
) -> None:
    names = [str(number) for number in range(1_500)]

    store.put_files(files_of(scratch, *names))

    assert len(files_below(root)) == 1_500
    assert files_below(scratch) == []


def test_an_object_that_is_truncated_during_a_read_is_unreadable(
    store: LocalStore, root: Path
) -> None:
    store.put_many([("a/1", b"0123456789")])
    pieces = store.read("a/1", chunk_size=4)
    assert next(pieces) == b"0123"

    os.truncate(root / "a" / "1", 2)

    with pytest.raises(ObjectUnreadable, match="truncated"):
        next(pieces)


def test_an_object_that_is_deleted_during_a_read_is_read_to_its_end(store: LocalStore) -> None:
    store.put_many([("a/1", b"0123456789")])
    pieces = store.read("a/1", chunk_size=4)
    first = next(pieces)

    store.delete("a/1")

    assert first + b"".join(pieces) == b"0123456789"


def test_a_missing_object_has_no_local_path(store: LocalStore, root: Path) -> None:
    with pytest.raises(ObjectMissing):
        store.local_path("a/1")


def test_a_local_store_has_no_upload_urls(store: LocalStore) -> None:
    assert store.upload_url("a/1", 60) is None


def test_a_copied_object_has_the_usual_mode(
    store: LocalStore, root: Path, other_disk: Path
) -> None:
    files = files_of(other_disk, "1")
    files[0][1].chmod(0o600)
    store.put_many([("a/0", b"x")])

    store.put_files(files)

    modes = {stat.S_IMODE((root / "a" / name).stat().st_mode) for name in "01"}
    assert len(modes) == 1


def test_a_different_size_is_an_error_before_any_rename(
    store: LocalStore, root: Path, scratch: Path
) -> None:
    store.put_many([("a/2", b"longer")])

    with pytest.raises(StorageError, match="another object at a/2"):
        store.put_files(files_of(scratch, "1", "2"))

    assert files_below(root) == ["a/2"]
    assert files_below(scratch) == ["1", "2"]
