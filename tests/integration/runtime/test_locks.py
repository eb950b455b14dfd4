"""Lock files: exclusive and shared holders, and the message of a conflict."""

import os
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from everlake import files
from everlake.runtime.data_locks import api_lock, no_api_lock, serve_lock
from everlake.runtime.errors import LockHeld
from everlake.runtime.locks import exclusive_lock, shared_lock


def conflict(lock: AbstractContextManager[None]) -> str:
    """The message of a lock that another holder excludes."""
    with pytest.raises(LockHeld) as held, lock:
        pass
    return str(held.value)


def test_an_exclusive_lock_names_the_process_that_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "x.lock"
    with exclusive_lock(path, "held by {}".format):
        assert conflict(exclusive_lock(path, "held by {}".format)) == f"held by {os.getpid()}"
    with exclusive_lock(path, "held by {}".format):
        pass


def test_shared_locks_exclude_exclusive_ones_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with shared_lock(path, "exclusive"), shared_lock(path, "exclusive"):
        assert conflict(exclusive_lock(path, lambda _: "shared")) == "shared"
    with exclusive_lock(path, lambda _: "shared"):
        assert conflict(shared_lock(path, "exclusive")) == "exclusive"


def test_a_lock_that_is_only_tested_is_no_conflict(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.touch()
    locked = threading.Event()

    def hold_for_an_instant() -> None:
        with path.open() as file:
            assert files.try_lock(file, shared=True)
            locked.set()
            time.sleep(0.03)

    thread = threading.Thread(target=hold_for_an_instant)
    thread.start()
    assert locked.wait(30)
    with exclusive_lock(path, lambda _: "held"):
        pass
    thread.join()


def test_api_processes_and_a_copy_exclude_each_other(tmp_path: Path) -> None:
    with api_lock(tmp_path), api_lock(tmp_path), serve_lock(tmp_path):
        assert "an everlake api" in conflict(no_api_lock(tmp_path))
        assert f"process {os.getpid()}" in conflict(serve_lock(tmp_path))
    with no_api_lock(tmp_path):
        assert "everlake db copy is running" in conflict(api_lock(tmp_path))
