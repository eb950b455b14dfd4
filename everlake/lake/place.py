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
from pathlib import Path

from everlake.lake.durability import sync_path

STAGING = "rebuild"
"""The folder, beside the workspaces' directories, of tables that are being made."""

NOTES = "_rebuild.json"
"""The file of the staged directory for the notes of whoever fills it; :meth:`Place.clean` drops it.
"""

KEPT = "replaced"
"""The folder of replaced tables that were worth keeping."""

_LOCK_SECONDS = 5.0
_WHOLE = "_whole"
_KEEP = "_keep"


class Place:
    """A workspace's directory of tables, and the one in which its next tables are made."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.staged = directory.parent / STAGING / directory.name
        self._replaced = self.staged.with_name(directory.name + ".old")
        self._trash = self.staged.with_name(directory.name + ".trash")

    def make(self) -> None:
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
        """Finish a swap that was cut off between its renames; wait for one that is under way.

        Raises:
            OSError: the renaming failed, or whoever is at it takes too long.
        """
        if not self.directory.exists() and self._replaced.exists():
            with self._locked():
                self._finish()

    def swap(self, keep_as: str | None = None) -> None:
        """Put the staged tables in the place of those that are there.

        No one may write to either: the caller has the locks of all tables. Readers find the old
        ones or the new ones, whole. Everything staged must be on disk.

        Args:
            keep_as: keep the old ones, under this name in the folder :data:`KEPT`.

        Raises:
            OSError: nothing, or all of it, has happened; :meth:`settle` finds out.
        """
        self.clean()
        with self._locked():
            _mark(self.staged / _WHOLE)
            if keep_as is not None:
                _mark(self.directory / _KEEP, keep_as)
            self.directory.rename(self._replaced)
            self.staged.rename(self.directory)
            sync_path(self.directory.parent)
            sync_path(self.staged.parent)

    def swapped(self) -> bool:
        """Whether a swap has been made and not cleaned up after."""
        return (self.directory / _WHOLE).exists()

    def clean(self) -> None:
        """Put away what a swap has replaced.

        Raises:
            OSError: it could not be moved.
        """
        shutil.rmtree(self._trash, ignore_errors=True)
        if not self._replaced.exists() and not self.swapped():
            return
        with self._locked():
            self._finish()
            for name in (NOTES, _WHOLE):
                (self.directory / name).unlink(missing_ok=True)
            if self._replaced.exists():
                to = self._kept() or self._trash
                to.parent.mkdir(exist_ok=True)
                self._replaced.rename(to)
                sync_path(to.parent)
        shutil.rmtree(self._trash, ignore_errors=True)

    def drop_staged(self) -> None:
        """Remove what was made for the next tables, and the folder if nothing else is in it.

        Raises:
            OSError: something of it could not be removed.
        """
        if self.staged.exists():
            shutil.rmtree(self.staged)
        with suppress(OSError):
            self.staged.parent.rmdir()

    def _finish(self) -> None:
        if self.directory.exists() or not self._replaced.exists():
            return
        whole = (self.staged / _WHOLE).exists()
        (self.staged if whole else self._replaced).rename(self.directory)
        sync_path(self.directory.parent)
        sync_path(self.staged.parent)

    def _kept(self) -> Path | None:
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


def _mark(path: Path, text: str = "") -> None:
    path.write_text(text)
    sync_path(path)
    sync_path(path.parent)
