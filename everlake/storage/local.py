"""Objects as files below one directory, synced before a write returns."""

import errno
import os
import stat
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from everlake.storage.local_import import (
    FileImport,
    create_file,
    import_files,
    partial_path,
    run_parallel,
    sync_directory,
    write_all,
)
from everlake.storage.store import (
    DEFAULT_CHUNK_SIZE,
    Content,
    ObjectInfo,
    ObjectMissing,
    ObjectUnreadable,
    StorageFull,
    StorageUnavailable,
    check_range,
    path_segments,
)

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PROBE_PATH = ".check"


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
        targets = [(self._file_path(path), data) for path, data in objects]
        handles: list[int] = []
        try:
            for target, data in targets:
                handles.append(self._write(target, data))
            # All names stand before the first sync, so that one journal commit carries them all.
            for handle in handles:
                os.fsync(handle)
            for directory in {target.parent for target, _ in targets}:
                sync_directory(directory)
        except OSError as error:
            for target, _ in targets:
                with suppress(OSError):
                    target.unlink(missing_ok=True)
            raise classify(error, "write") from error
        finally:
            for handle in handles:
                os.close(handle)

    def put_files(
        self, objects: Sequence[tuple[str, Content]], *, stop: threading.Event | None = None
    ) -> None:
        places = [FileImport(path, content, self._file_path(path)) for path, content in objects]
        directories = {place.target.parent for place in places}
        try:
            self._make_directories(directories)
            import_files(places, stop)
            # Also of those that were there: who named them may not have come to his sync.
            run_parallel(sync_directory, list(directories))
        except OSError as error:
            raise classify(error, "write") from error

    def size(self, path: str) -> int:
        return _stat(path, self._file_path(path)).st_size

    def read(
        self,
        path: str,
        start: int = 0,
        end: int | None = None,
        *,
        chunk_size: int = DEFAULT_CHUNK_SIZE,
    ) -> Iterator[bytes]:
        check_range(start, end, chunk_size)
        return _read(path, self._file_path(path), start, end, chunk_size)

    def local_path(self, path: str) -> Path | None:
        file = self._file_path(path)
        _stat(path, file)
        return file

    def upload_url(self, path: str, seconds: int) -> str | None:  # noqa: ARG002 - there is none
        self._file_path(path)
        return None

    def get(self, path: str) -> bytes:
        try:
            return self._file_path(path).read_bytes()
        except FileNotFoundError as error:
            raise _missing_error(path) from error
        except OSError as error:
            raise _unreadable_error(error) from error

    def get_many(self, paths: Sequence[str]) -> Iterator[bytes]:
        return map(self.get, paths)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        pending = [self._file_path(prefix)]
        while pending:
            try:
                entries = list(os.scandir(pending.pop()))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise classify(error, "list") from error
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
            self._file_path(path).unlink(missing_ok=True)
        except OSError as error:
            raise classify(error, "delete") from error

    def check(self) -> None:
        self.put_many([(_PROBE_PATH, b"everlake")])
        self.delete(_PROBE_PATH)

    def _file_path(self, path: str) -> Path:
        return self._root.joinpath(*path_segments(path))

    def _write(self, target: Path, data: bytes) -> int:
        """The open handle of the whole, named, and not yet synced object."""
        self._make_directories([target.parent])
        partial = partial_path(target)
        handle = create_file(partial)
        try:
            write_all(handle, data)
            partial.rename(target)
        except OSError:
            os.close(handle)
            partial.unlink(missing_ok=True)
            raise
        return handle

    def _make_directories(self, directories: Iterable[Path]) -> None:
        """Create these and sync every entry on the way down to them, once a process.

        Also of those that are there already: who made one may have died before its sync. All of
        them stand before the first sync, so that one journal commit carries them all.
        """
        new = self._unsynced(directories)
        for directory in new:
            directory.mkdir(exist_ok=True)
        parents = {directory.parent for directory in new}
        run_parallel(sync_directory, [one for one in parents if one.is_relative_to(self._root)])
        for above in parents:
            if not above.is_relative_to(self._root):
                # What may not be read above the store is in other hands, and so is its safety.
                with suppress(PermissionError):
                    sync_directory(above)
        self._synced.update(new)

    def _unsynced(self, directories: Iterable[Path]) -> Sequence[Path]:
        """Those of ``directories`` and of what is above them that are not, from the top down."""
        found: dict[Path, None] = {}
        for directory in directories:
            way: deque[Path] = deque()
            for one in (directory, *directory.parents):
                if one in found or (one in self._synced and one.is_dir()):
                    break
                way.appendleft(one)
                if not one.parent.is_relative_to(self._root) and one.parent.is_dir():
                    break
            found.update(dict.fromkeys(way))
        return tuple(found)


def _stat(path: str, file: Path) -> os.stat_result:
    try:
        facts = file.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing_error(path) from error
    except OSError as error:
        raise _unreadable_error(error) from error
    if not stat.S_ISREG(facts.st_mode):
        raise _missing_error(path)
    return facts


def _read(path: str, file: Path, start: int, end: int | None, chunk_size: int) -> Iterator[bytes]:
    _stat(path, file)
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise _missing_error(path) from error
    except OSError as error:
        raise _unreadable_error(error) from error
    try:
        size = os.fstat(handle).st_size
        end = size if end is None else min(end, size)
        while start < end:
            data = os.pread(handle, min(chunk_size, end - start), start)
            if not data:
                raise ObjectUnreadable(f"storage could not read: {path} was cut short")
            yield data
            start += len(data)
    except OSError as error:
        raise _unreadable_error(error) from error
    finally:
        os.close(handle)


def _missing_error(path: str) -> ObjectMissing:
    return ObjectMissing(f"there is no object at {path}")


def _unreadable_error(error: OSError) -> ObjectUnreadable:
    return ObjectUnreadable(str(classify(error, "read")))


def classify(error: OSError, verb: str) -> StorageUnavailable:
    reason = os.strerror(error.errno) if error.errno else "unknown reason"
    if error.errno in _DISK_FULL:
        return StorageFull("the storage disk is full: free some space and send again")
    return StorageUnavailable(f"storage could not {verb}: {reason}")
