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
    StorageError,
    StorageFull,
    StorageUnavailable,
)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PARTIAL_SUFFIX = ".partial"


class LocalStore:
    """A directory on a local or mounted file system.

    An object is written beside its place, synced, and renamed into place; then its directory
    is synced (``fsync(2)``: the file's own sync does not cover its directory entry).
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: set[Path] = set()

    def put_many(self, objects: Sequence[tuple[str, bytes]]) -> None:
        written: list[Path] = []
        try:
            for path, data in objects:
                target = self._file(path)
                written.append(target)
                self._write(target, data)
            for directory in {target.parent for target in written}:
                _sync_directory(directory)
        except OSError as error:
            for target in written:
                with suppress(OSError):
                    target.unlink(missing_ok=True)
            raise _translate(error, "write") from error

    def get(self, path: str) -> bytes:
        try:
            return self._file(path).read_bytes()
        except FileNotFoundError as error:
            raise ObjectMissing(f"there is no object at {path}") from error
        except OSError as error:
            raise _translate(error, "read") from error

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
        probe = f".check-{secrets.token_hex(8)}"
        self.put_many([(probe, b"everlake")])
        self.delete(probe)

    def _file(self, path: str) -> Path:
        parts = path.split("/")
        if ".." in parts or path.startswith("/") or "\0" in path:
            raise StorageError(f"{path!r} is not a path inside the store")
        return self._root.joinpath(*parts)

    def _write(self, target: Path, data: bytes) -> None:
        self._make_directory(target.parent)
        partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")
        try:
            with partial.open("xb", buffering=0) as file:
                view = memoryview(data)
                while view:
                    view = view[file.write(view) :]
                os.fsync(file.fileno())
            partial.rename(target)
        except OSError:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            if not target.parent.is_dir():
                self._known.discard(target.parent)
            raise

    def _make_directory(self, directory: Path) -> None:
        """Create ``directory`` and sync every new entry on the way down to it."""
        if directory in self._known:
            return
        missing: list[Path] = []
        level = directory
        while not level.is_dir():
            missing.append(level)
            level = level.parent
        for new in reversed(missing):
            new.mkdir(exist_ok=True)
            _sync_directory(new.parent)
        self._known.add(directory)


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
