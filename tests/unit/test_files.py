"""The files module on a real disk; what is synced when is looked at in tests/faults."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from everlake import files


def synced_paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are synced from now on."""
    paths: list[str] = []
    fsync = os.fsync

    def seen(descriptor: int) -> None:
        paths.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", seen)
    return paths


def test_a_missing_path_can_be_synced_where_that_is_allowed(tmp_path: Path) -> None:
    files.sync_path(tmp_path / "missing", missing_ok=True)
    with pytest.raises(FileNotFoundError):
        files.sync_path(tmp_path / "missing")


def test_every_new_directory_is_synced_into_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = synced_paths(monkeypatch)
    files.make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert synced == [str(tmp_path), str(tmp_path / "a")]

    synced.clear()
    files.make_directory(tmp_path / "a" / "b")
    assert synced == []


def test_a_file_is_created_once(tmp_path: Path) -> None:
    descriptor = files.create_file(tmp_path / "a", 0o600)
    files.write_all(descriptor, b"x" * 100_000)
    os.close(descriptor)
    assert (tmp_path / "a").read_bytes() == b"x" * 100_000
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        files.create_file(tmp_path / "a")


def test_all_bytes_are_written_where_the_system_takes_only_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:3]))
    descriptor = files.create_file(tmp_path / "a")
    files.write_all(descriptor, b"0123456789")
    os.close(descriptor)
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_partial_paths_lie_beside_their_file_and_differ(tmp_path: Path) -> None:
    first, second = (files.partial_path(tmp_path / "a") for _ in range(2))
    assert first != second
    assert first.parent == tmp_path
    assert first.name.startswith("a.")
    assert first.name.endswith(files.PARTIAL_SUFFIX)


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, durable: bool
) -> None:
    path, partial = tmp_path / "a", tmp_path / "a.partial"
    path.write_bytes(b"old and longer")
    synced = synced_paths(monkeypatch)
    files.replace_atomically(path, b"new", partial=partial, durable=durable)
    assert path.read_bytes() == b"new"
    assert not partial.exists()
    assert synced == ([str(partial), str(tmp_path)] if durable else [])


def test_a_replacement_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, partial = tmp_path / "a", tmp_path / "a.partial"
    path.write_bytes(b"old")

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        files.replace_atomically(path, b"new", partial=partial)
    assert path.read_bytes() == b"old"
    assert not partial.exists()


def test_a_lock_has_one_holder_or_several_that_share_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as one, path.open() as two, path.open() as three:
        assert not files.is_locked(path)
        assert files.try_lock(one)
        assert files.is_locked(path)
        assert not files.try_lock(two)
        assert not files.try_lock(two, shared=True)
        files.unlock(one)
        assert files.try_lock(two, shared=True)
        assert files.try_lock(three, shared=True)
        assert not files.try_lock(one)
    assert not files.is_locked(path)
    assert not files.is_locked(tmp_path / "missing")


def test_waiting_for_a_lock_ends_with_its_release_or_its_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as holder, path.open() as waiting:
        assert files.try_lock(holder)
        started = time.monotonic()
        with pytest.raises(BlockingIOError, match=r"locked for 0\.05 seconds"):
            files.lock(waiting, timeout=0.05)
        assert time.monotonic() - started >= 0.05

        for timeout in (30.0, None):
            release = threading.Timer(0.1, files.unlock, [holder])
            release.start()
            files.lock(waiting, timeout=timeout)
            release.join()
            assert files.is_locked(path)
            files.unlock(waiting)
            assert files.try_lock(holder)


def test_an_open_file_is_told_from_another_one_at_its_path(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert files.file_identity(path) is None
    assert files.file_identity(path / "below") is None
    with path.open("w") as file:
        assert files.is_at_path(file.fileno(), path)
        path.rename(tmp_path / "b")
        assert not files.is_at_path(file.fileno(), path)
        path.touch()
        assert not files.is_at_path(file.fileno(), path)
        assert files.is_at_path(file.fileno(), tmp_path / "b")
        (tmp_path / "link").symlink_to(tmp_path / "b")
        assert files.is_at_path(file.fileno(), tmp_path / "link")
