"""Getting a table's files onto the disk: Lance renames them into place and never syncs."""

import os
from collections.abc import Collection
from pathlib import Path


class SyncedTree:
    """A directory tree of files that are written once, and which of them are surely on disk.

    A file is known by name and inode, so that one replaced by a rename counts as new. What a
    process finds when it starts is synced once as well: whoever wrote it may have died before.

    Args:
        root: the tree's top directory; it need not exist yet.
        anchor: a directory above it that is on disk already; what lies between is synced too.
    """

    def __init__(self, root: Path, anchor: Path) -> None:
        self._root = root
        self._anchor = anchor
        self._known: dict[str, dict[str, int]] = {}

    def sync(self, names: Collection[str] | None = None) -> None:
        """Sync every new file and every directory that has new entries.

        Args:
            names: look only below these members of the root; all of it when None.

        Raises:
            OSError: a file could not be synced; it is tried again the next time.
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
                    fsync_path(str(self._root))
                self._sync_directory(str(path))

    def _sync_directory(self, directory: str) -> None:
        known = self._known.get(directory, {})
        found: dict[str, int] = {}
        fresh: list[str] = []
        below: list[str] = []
        try:
            listing = os.scandir(directory)
        except FileNotFoundError:
            return  # cleaned up meanwhile
        with listing:
            for entry in listing:
                found[entry.name] = entry.inode()
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.path)
                elif known.get(entry.name) != found[entry.name]:
                    fresh.append(entry.path)
        for path in below:
            self._sync_directory(path)
        for path in fresh:
            fsync_path(path)
        if directory not in self._known or any(name not in known for name in found):
            fsync_path(directory)
        self._known[directory] = found

    def _sync_ancestors(self) -> None:
        for parent in self._root.parents:
            fsync_path(str(parent))
            if parent == self._anchor:
                return


class PublishedVersion:
    """Which version of a table is on the disk, wholly. Later ones are not yet, or never will be.

    The number stands in a file of its own and is written over in place: less than a sector, which
    a disk writes whole or not at all. Whoever reads it has the table's lock, or can do without.

    Args:
        root: the table's directory.
    """

    def __init__(self, root: Path) -> None:
        self._file = root / "_settled"

    def read(self) -> int | None:
        """The version; None where none has been settled yet.

        Raises:
            OSError: it could not be read, or is no number.
        """
        try:
            return int(self._file.read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise OSError(f"{self._file} holds no number") from error

    def write(self, version: int) -> None:
        """Settle a version, all of which is synced; on disk when it returns.

        Raises:
            OSError: it could not be written or synced.
        """
        text = f"{version:020d}\n".encode()
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._create(text)
            return
        try:
            os.pwrite(descriptor, text, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _create(self, text: bytes) -> None:
        new = self._file.with_name(self._file.name + ".new")
        new.write_bytes(text)
        fsync_path(new)
        new.rename(self._file)
        fsync_path(self._file.parent)


def fsync_path(path: str | Path) -> None:
    """Sync a file or a directory; one that is gone needs it no more.

    Raises:
        OSError: it could not be synced.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # cleaned up meanwhile
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
