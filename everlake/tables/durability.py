"""Durability of a table's files: Lance renames them into place, and never calls fsync."""

import os
from collections.abc import Collection
from pathlib import Path

from everlake.files import replace_atomically, sync_path


class SyncedTree:
    """A directory tree of files that are written once, and which of them are synced.

    A file is known by name and inode, so one that is replaced by a rename counts as new. What the
    tree contains when the process starts is synced once as well: its writer may have died before
    it did so.

    Args:
        root: the top directory of the tree; it need not exist yet.
        anchor: a directory above it that is on disk already. Directories in between are synced
            too.
    """

    def __init__(self, root: Path, anchor: Path) -> None:
        self._root = root
        self._anchor = anchor
        self._known: dict[str, dict[str, int]] = {}

    def sync(self, names: Collection[str] | None = None) -> None:
        """Sync every new file, and every directory that has new entries.

        Args:
            names: members of the root to look below; None for all of it.

        Raises:
            OSError: a file could not be synced; the next call tries again.
        """
        if names is None:
            first = str(self._root) not in self._known
            self._sync_directory(str(self._root))
            if first:
                self._sync_ancestors()
            return
        for name in names:
            path = self._root / name
            if path.is_dir():
                if str(path) not in self._known:
                    _sync(str(self._root))
                self._sync_directory(str(path))

    def _sync_directory(self, directory: str) -> None:
        known = self._known.get(directory, {})
        found: dict[str, int] = {}
        new_files: list[str] = []
        directories: list[str] = []
        try:
            listing = os.scandir(directory)
        except FileNotFoundError:
            return  # removed meanwhile by a clean-up
        with listing:
            for entry in listing:
                found[entry.name] = entry.inode()
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.path)
                elif known.get(entry.name) != found[entry.name]:
                    new_files.append(entry.path)
        for path in directories:
            self._sync_directory(path)
        for path in new_files:
            _sync(path)
        if directory not in self._known or any(name not in known for name in found):
            _sync(directory)
        self._known[directory] = found

    def _sync_ancestors(self) -> None:
        for parent in self._root.parents:
            _sync(str(parent))
            if parent == self._anchor:
                return


class PublishedVersion:
    """Number of the newest version of a table that is completely on disk.

    Later versions are not synced yet, or never will be. The number has a file of its own, which is
    overwritten in place: it is shorter than a sector, which a disk writes as a whole or not at all.
    Readers of the number hold the table's lock, or tolerate an earlier one.

    Args:
        root: the table's directory.
    """

    def __init__(self, root: Path) -> None:
        self._file = root / "_settled"

    def read(self) -> int | None:
        """Return the number; None where no version has been published yet.

        Raises:
            OSError: the file cannot be read, or holds no number.
        """
        try:
            return int(self._file.read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise OSError(f"{self._file} holds no number") from error

    def write(self, version: int) -> None:
        """Publish a version whose files are all synced; durable when it returns.

        Raises:
            OSError: the file cannot be written or synced.
        """
        text = f"{version:020d}\n".encode()
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            replace_atomically(self._file, text, partial=self._file.with_name("_settled.new"))
            return
        try:
            os.pwrite(descriptor, text, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sync(path: str) -> None:
    sync_path(path, missing_ok=True)  # a clean-up may have removed it meanwhile
