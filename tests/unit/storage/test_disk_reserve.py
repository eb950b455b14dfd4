"""Levels of the disk's reserve: files stop first, records last."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from everlake.storage import DiskReserve, StorageFull, StorageUnavailable, disk_reserve

_MIB = 1024 * 1024
_BLOCK = 4096


class FakeDisk:
    """A file system whose size and free space the test says."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.free = size
        self.asked: list[Path] = []

    def statvfs(self, path: Path) -> os.statvfs_result:
        self.asked.append(path)
        blocks, free = self.size // _BLOCK, self.free // _BLOCK
        # Root may use blocks beyond those that are free for others.
        return os.statvfs_result((_BLOCK, _BLOCK, blocks, free + 9_999_999, free, 0, 0, 0, 0, 255))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FakeDisk:
    made = FakeDisk(1_000 * _MIB)
    monkeypatch.setattr(os, "statvfs", made.statvfs)
    monkeypatch.setattr(disk_reserve, "CACHE_SECONDS", 0.0)
    return made


def passes(check: Callable[[], None]) -> bool:
    try:
        check()
    except StorageFull:
        return False
    return True


@pytest.mark.parametrize(
    ("free_mib", "files", "records"),
    [(10, True, True), (9, False, True), (1, False, True), (0.9, False, False), (0, False, False)],
)
def test_files_stop_at_the_reserve_and_records_at_a_tenth_of_it(
    disk: FakeDisk, tmp_path: Path, free_mib: float, files: bool, records: bool
) -> None:
    reserve = DiskReserve([tmp_path], 10 * _MIB)
    disk.free = int(free_mib * _MIB)
    assert passes(reserve.require_for_files) is files
    assert passes(reserve.require_for_records) is records
    disk.free = disk.size
    assert passes(reserve.require_for_files)


def test_a_reserve_is_a_twentieth_of_a_small_disk(disk: FakeDisk, tmp_path: Path) -> None:
    reserve = DiskReserve([tmp_path], 1_000_000 * _MIB)
    disk.free = 50 * _MIB
    assert passes(reserve.require_for_files)
    disk.free -= _BLOCK
    assert not passes(reserve.require_for_files)


def test_a_reserve_of_nothing_asks_nothing(disk: FakeDisk, tmp_path: Path) -> None:
    disk.free = 0
    reserve = DiskReserve([tmp_path], 0)
    assert passes(reserve.require_for_files)
    assert passes(reserve.require_for_records)
    assert disk.asked == []


def test_a_file_system_that_does_not_know_its_size_is_taken_as_empty(
    disk: FakeDisk, tmp_path: Path
) -> None:
    disk.size = disk.free = 0
    assert passes(DiskReserve([tmp_path], _MIB).require_for_files)


def test_a_directory_that_is_not_there_yet_is_on_the_disk_of_its_parent(
    disk: FakeDisk, tmp_path: Path
) -> None:
    DiskReserve([tmp_path / "data" / "landing"], _MIB).require_for_files()
    assert disk.asked == [tmp_path]


def test_checks_share_what_they_find_for_a_second(
    disk: FakeDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_reserve, "CACHE_SECONDS", 3_600.0)
    reserve = DiskReserve([tmp_path], _MIB)
    for _ in range(50):
        reserve.require_for_files()
        reserve.require_for_records()
    assert len(disk.asked) == 1


def test_the_fullest_disk_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty, full = FakeDisk(1_000 * _MIB), FakeDisk(1_000 * _MIB)
    full.free = 0
    directories = {tmp_path / "empty": empty, tmp_path / "full": full}
    for directory in directories:
        directory.mkdir()
    monkeypatch.setattr(os, "statvfs", lambda path: directories[path].statvfs(path))
    assert not passes(DiskReserve(directories, _MIB).require_for_records)


def test_a_disk_that_fails_is_unavailable_and_not_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> os.statvfs_result:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "statvfs", fail)
    with pytest.raises(StorageUnavailable, match="free space") as raised:
        DiskReserve([tmp_path], _MIB).require_for_files()
    assert not isinstance(raised.value, StorageFull)
