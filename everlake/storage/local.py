"""Objects as files below one directory, synced before a write returns."""

import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from everlake.storage.store import (
    ObjectInfo,
    ObjectMissing,
    ObjectUnreadable,
    StorageFull,
    StorageUnavailable,
    segments,
)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PARTIAL_SUFFIX = ".partial"
_PROBE = ".check"


class LocalStore:
    """A directory on a local or mounted file system.

    An object is written beside its place and renamed into it, so that no reader sees half of
    one; then the file and its directory are synced (``fsync(2)``: the file's own sync does not
    cover its directory entry).
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._synced: set[Path] = set()

    def put_many(self, objects: Sequence[tuple[str, bytes]]) -> None:
        targets = [(self._file(path), data) for path, data in objects]
        handles: list[int] = []
        try:
            for target, data in targets:
                handles.append(self._write(target, data))
            # All names stand before the first sync, so that one journal commit carries them all.
            for handle in handles:
                os.fsync(handle)
            for directory in {target.parent for target, _ in targets}:
                _sync_directory(directory)
        except OSError as error:
            for target, _ in targets:
                with suppress(OSError):
                    target.unlink(missing_ok=True)
            raise _translate(error, "write") from error
        finally:
            for handle in handles:
                os.close(handle)

    def get(self, path: str) -> bytes:
        try:
            return self._file(path).read_bytes()
        except FileNotFoundError as error:
            raise ObjectMissing(f"there is no object at {path}") from error
        except OSError as error:
            raise ObjectUnreadable(str(_translate(error, "read"))) from error

    def get_many(self, paths: Sequence[str]) -> Iterator[bytes]:
        return map(self.get, paths)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        pending = [self._file(prefix)]
        while pending:
            try:
                entries = list(os.scandir(pending.pop()))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise _translate(error, "list") from error
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                    continue
                with suppress(FileNotFoundError):
                    facts = entry.stat(follow_symlinks=False)
                    path = Path(entry.path).relative_to(self._root).as_posix()
                    yield ObjectInfo(path, facts.st_size, facts.st_mtime_ns // 1_000_000)

    def delete(self, path: str) -> None:
        try:
            self._file(path).unlink(missing_ok=True)
        except OSError as error:
            raise _translate(error, "delete") from error

    def check(self) -> None:
        self.put_many([(_PROBE, b"everlake")])
        self.delete(_PROBE)

    def _file(self, path: str) -> Path:
        return self._root.joinpath(*segments(path))

    def _write(self, target: Path, data: bytes) -> int:
        """The open handle of the whole, named, and not yet synced object."""
        self._make_directory(target.parent)
        partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            partial.rename(target)
        except OSError:
            os.close(handle)
            partial.unlink(missing_ok=True)
            raise
        return handle

    def _make_directory(self, directory: Path) -> None:
        """Create ``directory`` and sync every entry on the way down to it, once a process.

        Also one that is there already: who made it may have died before its sync.
        """
        if directory in self._synced and directory.is_dir():
            return
        parent = directory.parent
        inside = parent.is_relative_to(self._root)
        if inside or not parent.is_dir():
            self._make_directory(parent)
        directory.mkdir(exist_ok=True)
        try:
            _sync_directory(parent)
        except PermissionError:
            # What may not be read above the store is in other hands, and so is its safety.
            if inside:
                raise
        self._synced.add(directory)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _translate(error: OSError, verb: str) -> StorageUnavailable:
    reason = os.strerror(error.errno) if error.errno else "unknown reason"
    if error.errno in _FULL:
        return StorageFull("the storage disk is full: free some space and send again")
    return StorageUnavailable(f"storage could not {verb}: {reason}")
