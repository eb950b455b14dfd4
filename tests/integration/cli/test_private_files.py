"""Who may read the files of a data directory."""

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE

import pytest

from everlake.catalog.opening import open_catalog
from everlake.metrics.process_slots import acquire_slot
from everlake.runtime.data_locks import api_lock, serve_lock
from everlake.runtime.liveness import LivenessLock


@pytest.fixture(autouse=True)
def _permissive_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)


def test_only_its_owner_may_read_a_new_database(tmp_path: Path) -> None:
    opened = open_catalog(f"sqlite:///{tmp_path}/new/data/catalog.db")
    opened.upgrade()
    modes = {path.name: mode(path) for path in tmp_path.rglob("*")}
    opened.close()
    assert modes == {
        "new": 0o700,
        "data": 0o700,
        "catalog.db": 0o600,
        "catalog.db-wal": 0o600,
        "catalog.db-shm": 0o600,
    }


def test_a_directory_and_a_database_that_exist_keep_their_modes(tmp_path: Path) -> None:
    file = tmp_path / "catalog.db"
    file.touch()
    file.chmod(0o640)
    tmp_path.chmod(0o750)
    opened = open_catalog(f"sqlite:///{file}")
    opened.upgrade()
    opened.close()
    assert mode(file) == 0o640
    assert mode(tmp_path) == 0o750


def test_only_its_owner_may_enter_a_new_data_directory(tmp_path: Path) -> None:
    with serve_lock(tmp_path / "serve"), api_lock(tmp_path / "api"):
        LivenessLock(tmp_path / "worker").release()
        acquire_slot(tmp_path / "metrics" / "metrics", "api")
        assert {path.name: mode(path) for path in tmp_path.iterdir()} == {
            "serve": 0o700,
            "api": 0o700,
            "worker": 0o700,
            "metrics": 0o700,
        }


def test_the_files_of_processes_are_private_in_an_open_data_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    LivenessLock(tmp_path).release()
    acquire_slot(tmp_path / "metrics", "api")
    assert mode(tmp_path) == 0o755
    assert mode(tmp_path / "workers") == 0o700
    assert mode(tmp_path / "metrics") == 0o700
