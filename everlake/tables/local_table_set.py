"""Where a workspace's tables lie, and how a new set of them takes the place of the old one.

The new set is made beside the old one, in a directory of the same form. Two renames put it in
its place. Whoever comes between the two, or after a crash between them, finds no directory; it
waits for the lock and finishes what it finds unfinished (:meth:`Place.settle`).
"""

import fcntl
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from everlake.storage import ObjectMissing
from everlake.storage.local import LocalStore
from everlake.tables.backend import TableSet
from everlake.tables.durability import fsync_path

STAGING_FOLDER = "rebuild"
"""The folder, beside the workspaces' directories, of tables that are being made."""

CHECKPOINT_FILE = "_rebuild.json"
"""The file of the staged directory for its maker's notes."""

REPLACED_FOLDER = "replaced"
"""The folder of replaced tables that were worth keeping."""

_LOCK_TIMEOUT_SECONDS = 5.0
_COMPLETE_MARKER = "_whole"
_KEEP_MARKER = "_keep"


class LocalTableSet(TableSet):
    """A workspace's directory of tables, and the one in which its next tables are made."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._staged = directory.parent / STAGING_FOLDER / directory.name
        self._replaced = self._staged.with_name(directory.name + ".old")
        self._trash = self._staged.with_name(directory.name + ".trash")

    @property
    def uri(self) -> str:
        return str(self.directory)

    @property
    def staged_uri(self) -> str:
        return str(self._staged)

    def create_staged(self) -> None:
        LocalTableSet(self._staged).ensure_directory()

    def ensure_directory(self) -> None:
        """Make the directory where there is none, but never where one is on its way.

        Raises:
            OSError: it cannot be made.
        """
        if self.directory.is_dir():
            return
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        with self._swap_lock():
            self._finish_swap()
            self.directory.mkdir(exist_ok=True)
            fsync_path(self.directory.parent)
            fsync_path(self.directory.parent.parent)

    def recover(self) -> None:
        if not self.directory.exists() and self._replaced.exists():
            with self._swap_lock():
                self._finish_swap()

    def free_bytes(self) -> int:
        return shutil.disk_usage(self._staged).free

    def save_checkpoint(self, checkpoint: bytes) -> None:
        LocalStore(self._staged).put_many([(CHECKPOINT_FILE, checkpoint)])

    def checkpoint(self) -> bytes | None:
        return _read_checkpoint(self._staged)

    def swapped_checkpoint(self) -> bytes | None:
        return _read_checkpoint(self.directory) if self._is_swapped() else None

    def backup_uri(self) -> str:
        name = f"{self.directory.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        return str(self.directory.parent / REPLACED_FOLDER / name)

    def swap(self, keep_as: str | None = None) -> None:
        self.remove_replaced()
        with self._swap_lock():
            _write_marker(self._staged / _COMPLETE_MARKER)
            if keep_as is not None:
                _write_marker(self.directory / _KEEP_MARKER, Path(keep_as).name)
            self.directory.rename(self._replaced)
            self._staged.rename(self.directory)
            fsync_path(self.directory.parent)
            fsync_path(self._staged.parent)

    def _is_swapped(self) -> bool:
        return (self.directory / _COMPLETE_MARKER).exists()

    def remove_replaced(self) -> None:
        shutil.rmtree(self._trash, ignore_errors=True)
        if not self._replaced.exists() and not self._is_swapped():
            return
        with self._swap_lock():
            self._finish_swap()
            for name in (CHECKPOINT_FILE, _COMPLETE_MARKER):
                (self.directory / name).unlink(missing_ok=True)
            if self._replaced.exists():
                to = self._backup_directory() or self._trash
                to.parent.mkdir(exist_ok=True)
                self._replaced.rename(to)
                fsync_path(to.parent)
        shutil.rmtree(self._trash, ignore_errors=True)

    def release(self) -> None:
        """Nothing to do: who makes them holds a lock on the directory, which ends with it."""

    def drop_staged(self) -> None:
        if self._staged.exists():
            shutil.rmtree(self._staged)
        with suppress(OSError):
            self._staged.parent.rmdir()

    def _finish_swap(self) -> None:
        if self.directory.exists() or not self._replaced.exists():
            return
        whole = (self._staged / _COMPLETE_MARKER).exists()
        (self._staged if whole else self._replaced).rename(self.directory)
        fsync_path(self.directory.parent)
        fsync_path(self._staged.parent)

    def _backup_directory(self) -> Path | None:
        with suppress(FileNotFoundError):
            return (
                self.directory.parent
                / REPLACED_FOLDER
                / (self._replaced / _KEEP_MARKER).read_text()
            )
        return None

    @contextmanager
    def _swap_lock(self) -> Generator[None]:
        descriptor = os.open(self.directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            lock_descriptor(descriptor, _LOCK_TIMEOUT_SECONDS)
            yield
        finally:
            os.close(descriptor)


def lock_descriptor(descriptor: int, timeout: float) -> None:
    """Hold an open file or directory (flock(2)) until it is closed.

    Raises:
        BlockingIOError: another one held it for so many seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def file_identity(path: Path) -> tuple[int, int] | None:
    """What tells the file or directory at ``path`` from any other there is; None for none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        facts = path.stat()
        return facts.st_dev, facts.st_ino
    return None


def _read_checkpoint(directory: Path) -> bytes | None:
    with suppress(ObjectMissing):
        return LocalStore(directory).get(CHECKPOINT_FILE)
    return None


def _write_marker(path: Path, text: str = "") -> None:
    path.write_text(text)
    fsync_path(path)
    fsync_path(path.parent)
