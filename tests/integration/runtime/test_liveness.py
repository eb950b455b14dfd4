"""Liveness locks: dead workers are found, and starting ones are not taken for dead."""

import fcntl
from pathlib import Path
from typing import IO

import pytest

from everlake import files
from everlake.runtime.liveness import LivenessLock


def test_a_dead_worker_is_found_once(tmp_path: Path) -> None:
    dead = LivenessLock(tmp_path)
    dead._file.close()  # as the system does for a process that is killed
    other = LivenessLock(tmp_path)

    assert list(other.dead_workers()) == [dead.name]
    assert list(other.dead_workers()) == []
    other.release()


def test_a_worker_that_could_not_be_taken_over_is_found_again(tmp_path: Path) -> None:
    dead = LivenessLock(tmp_path)
    dead._file.close()
    other = LivenessLock(tmp_path)

    found = other.dead_workers()
    assert next(found) == dead.name
    found.close()  # the taking over failed

    assert list(other.dead_workers()) == [dead.name]
    other.release()


def test_a_worker_that_is_just_starting_is_not_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = LivenessLock(tmp_path)
    flock = fcntl.flock
    found: list[str] = []

    def looked_at_in_between(file: IO[str], operation: int) -> None:
        monkeypatch.setattr(files.fcntl, "flock", flock)
        found.extend(older.dead_workers())
        flock(file, operation)

    monkeypatch.setattr(files.fcntl, "flock", looked_at_in_between)
    starting = LivenessLock(tmp_path)

    assert found == []
    assert list(older.dead_workers()) == []
    starting.release()
    older.release()


def test_live_workers_are_told_from_dead_ones(tmp_path: Path) -> None:
    dead = LivenessLock(tmp_path)
    dead._file.close()
    with LivenessLock(tmp_path) as alive, LivenessLock(tmp_path) as other:
        assert list(other.other_live_workers()) == [alive.name]
    assert [path.name for path in (tmp_path / "workers").iterdir()] == [f"{dead.name}.lock"]
