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
                self._sync_way_to_root()
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
            _sync(path)
        if directory not in self._known or any(name not in known for name in found):
            _sync(directory)
        self._known[directory] = found

    def _sync_way_to_root(self) -> None:
        for parent in self._root.parents:
            _sync(str(parent))
            if parent == self._anchor:
                return


def _sync(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # cleaned up meanwhile
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
