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

from everlake.lake.durability import sync_path
from everlake.lake.site import Place
from everlake.storage import ObjectMissing
from everlake.storage.local import LocalStore

STAGING = "rebuild"
"""The folder, beside the workspaces' directories, of tables that are being made."""

NOTES = "_rebuild.json"
"""The file of the staged directory for its maker's notes."""

KEPT = "replaced"
"""The folder of replaced tables that were worth keeping."""

_LOCK_SECONDS = 5.0
_WHOLE = "_whole"
_KEEP = "_keep"


class LocalPlace(Place):
    """A workspace's directory of tables, and the one in which its next tables are made."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._staged = directory.parent / STAGING / directory.name
        self._replaced = self._staged.with_name(directory.name + ".old")
        self._trash = self._staged.with_name(directory.name + ".trash")

    @property
    def where(self) -> str:
        return str(self.directory)

    @property
    def staged(self) -> str:
        return str(self._staged)

    def make(self) -> None:
        LocalPlace(self._staged).make_directory()

    def make_directory(self) -> None:
        """Make the directory where there is none, but never where one is on its way.

        Raises:
            OSError: it cannot be made.
        """
        if self.directory.is_dir():
            return
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            self._finish()
            self.directory.mkdir(exist_ok=True)
            sync_path(self.directory.parent)
            sync_path(self.directory.parent.parent)

    def settle(self) -> None:
        if not self.directory.exists() and self._replaced.exists():
            with self._locked():
                self._finish()

    def free_bytes(self) -> int:
        return shutil.disk_usage(self._staged).free

    def save_notes(self, notes: bytes) -> None:
        LocalStore(self._staged).put_many([(NOTES, notes)])

    def notes(self) -> bytes | None:
        return _notes_in(self._staged)

    def swapped_notes(self) -> bytes | None:
        return _notes_in(self.directory) if self._is_swapped() else None

    def where_to_keep(self) -> str:
        name = f"{self.directory.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        return str(self.directory.parent / KEPT / name)

    def swap(self, keep_as: str | None = None) -> None:
        self.clean()
        with self._locked():
            _mark(self._staged / _WHOLE)
            if keep_as is not None:
                _mark(self.directory / _KEEP, Path(keep_as).name)
            self.directory.rename(self._replaced)
            self._staged.rename(self.directory)
            sync_path(self.directory.parent)
            sync_path(self._staged.parent)

    def _is_swapped(self) -> bool:
        return (self.directory / _WHOLE).exists()

    def clean(self) -> None:
        shutil.rmtree(self._trash, ignore_errors=True)
        if not self._replaced.exists() and not self._is_swapped():
            return
        with self._locked():
            self._finish()
            for name in (NOTES, _WHOLE):
                (self.directory / name).unlink(missing_ok=True)
            if self._replaced.exists():
                to = self._where_to_keep() or self._trash
                to.parent.mkdir(exist_ok=True)
                self._replaced.rename(to)
                sync_path(to.parent)
        shutil.rmtree(self._trash, ignore_errors=True)

    def leave(self) -> None:
        """Nothing to do: who makes them holds a lock on the directory, which ends with it."""

    def drop_staged(self) -> None:
        if self._staged.exists():
            shutil.rmtree(self._staged)
        with suppress(OSError):
            self._staged.parent.rmdir()

    def _finish(self) -> None:
        if self.directory.exists() or not self._replaced.exists():
            return
        whole = (self._staged / _WHOLE).exists()
        (self._staged if whole else self._replaced).rename(self.directory)
        sync_path(self.directory.parent)
        sync_path(self._staged.parent)

    def _where_to_keep(self) -> Path | None:
        with suppress(FileNotFoundError):
            return self.directory.parent / KEPT / (self._replaced / _KEEP).read_text()
        return None

    @contextmanager
    def _locked(self) -> Generator[None]:
        descriptor = os.open(self.directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            lock(descriptor, _LOCK_SECONDS)
            yield
        finally:
            os.close(descriptor)


def lock(descriptor: int, seconds: float) -> None:
    """Hold an open file or directory (flock(2)) until it is closed.

    Raises:
        BlockingIOError: another one held it for so many seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def inode(path: Path) -> tuple[int, int] | None:
    """What tells the file or directory at ``path`` from any other there is; None for none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        facts = path.stat()
        return facts.st_dev, facts.st_ino
    return None


def _notes_in(directory: Path) -> bytes | None:
    with suppress(ObjectMissing):
        return LocalStore(directory).get(NOTES)
    return None


def _mark(path: Path, text: str = "") -> None:
    path.write_text(text)
    sync_path(path)
    sync_path(path.parent)
