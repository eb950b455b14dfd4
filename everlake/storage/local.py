"""Object store in a directory: objects are files, synced before a write returns."""

import os
import stat
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from everlake.files import create_file, partial_path, sync_path, write_all
from everlake.storage.checks import check_range, path_segments
from everlake.storage.errors import ObjectUnreadable, object_missing
from everlake.storage.local_errors import classify, unreadable
from everlake.storage.local_import import SYNC_THREADS, FileImport, import_files
from everlake.storage.parallel import run_in_shares
from everlake.storage.types import DEFAULT_CHUNK_SIZE, Content, ObjectInfo

_PROBE_PATH = ".check"


class LocalStore:
    """Object store in a directory on a local or mounted file system.

    An object is written under another name and renamed, so that no reader sees a part of it.
    The file and its directory are both synced, because syncing a file does not cover its
    directory entry (fsync(2)). :meth:`put_many` renames first, so that one journal commit covers
    all files of the call; :meth:`put_files` syncs first, since what it stores may be named by
    earlier calls.

    Args:
        root: the directory; created with the first object.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._synced: set[Path] = set()

    def put_many(
        self,
        objects: Sequence[tuple[str, bytes]],
        *,
        roll_back: bool = True,  # noqa: ARG002 - see below
    ) -> None:
        """See :meth:`everlake.storage.store.ObjectStore.put_many`.

        What was written is deleted in any case when a sync fails: what the disk has of it is
        unknown, and another fsync would report success (fsync(2)).
        """
        targets = [(self._file_path(path), data) for path, data in objects]
        handles: list[int] = []
        try:
            for target, data in targets:
                handles.append(self._write(target, data))
            # All files have their names before the first sync: one journal commit covers them.
            for handle in handles:
                os.fsync(handle)
            for directory in {target.parent for target, _ in targets}:
                sync_path(directory)
        except OSError as error:
            for target, _ in targets[: len(handles)]:
                with suppress(OSError):
                    target.unlink(missing_ok=True)
            raise classify(error, "write") from error
        finally:
            for handle in handles:
                os.close(handle)

    def put_files(
        self, objects: Sequence[tuple[str, Content]], *, stop: threading.Event | None = None
    ) -> None:
        """See :meth:`everlake.storage.store.ObjectStore.put_files`."""
        imports = [FileImport(path, content, self._file_path(path)) for path, content in objects]
        directories = {item.target.parent for item in imports}
        try:
            self._make_directories(directories)
            import_files(imports, stop)
            # Also those of existing objects: the process that named one may not have synced it.
            run_in_shares(sync_path, list(directories), SYNC_THREADS)
        except OSError as error:
            raise classify(error, "write") from error

    def size(self, path: str) -> int:
        """See :meth:`everlake.storage.store.ObjectStore.size`."""
        return _status(path, self._file_path(path)).st_size

    def read(
        self,
        path: str,
        start: int = 0,
        end: int | None = None,
        *,
        chunk_size: int = DEFAULT_CHUNK_SIZE,
    ) -> Iterator[bytes]:
        """See :meth:`everlake.storage.store.ObjectStore.read`."""
        check_range(start, end, chunk_size)
        return _read(path, self._file_path(path), start, end, chunk_size)

    def local_path(self, path: str) -> Path | None:
        """See :meth:`everlake.storage.store.ObjectStore.local_path`."""
        file = self._file_path(path)
        _status(path, file)
        return file

    def upload_url(self, path: str, seconds: int) -> str | None:  # noqa: ARG002 - there is none
        """See :meth:`everlake.storage.store.ObjectStore.upload_url`."""
        self._file_path(path)
        return None

    def get(self, path: str) -> bytes:
        """See :meth:`everlake.storage.store.ObjectStore.get`."""
        try:
            return self._file_path(path).read_bytes()
        except FileNotFoundError as error:
            raise object_missing(path) from error
        except OSError as error:
            raise unreadable(error) from error

    def get_many(self, paths: Sequence[str]) -> Iterator[bytes]:
        """See :meth:`everlake.storage.store.ObjectStore.get_many`."""
        return map(self.get, paths)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`everlake.storage.store.ObjectStore.list`."""
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
                    status = entry.stat(follow_symlinks=False)
                    path = Path(entry.path).relative_to(self._root).as_posix()
                    yield ObjectInfo(path, status.st_size, status.st_mtime_ns // 1_000_000)

    def delete(self, path: str) -> None:
        """See :meth:`everlake.storage.store.ObjectStore.delete`."""
        try:
            self._file_path(path).unlink(missing_ok=True)
        except OSError as error:
            raise classify(error, "delete") from error

    def check(self) -> None:
        """See :meth:`everlake.storage.store.ObjectStore.check`."""
        self.put_many([(_PROBE_PATH, b"everlake")])
        self.delete(_PROBE_PATH)

    def _file_path(self, path: str) -> Path:
        return self._root.joinpath(*path_segments(path))

    def _write(self, target: Path, data: bytes) -> int:
        """Write a file, and return its descriptor. It has its name and is not synced yet."""
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
        """Create directories, and sync the entry of each and of their parents once a process.

        Existing ones are synced too: the process that created one may have died before its sync.
        All are created before the first sync, so that one journal commit covers them.
        """
        new = self._unsynced(directories)
        for directory in new:
            directory.mkdir(exist_ok=True)
        parents = {directory.parent for directory in new}
        inside = [parent for parent in parents if parent.is_relative_to(self._root)]
        run_in_shares(sync_path, inside, SYNC_THREADS)
        for parent in parents.difference(inside):
            # A parent of the store that may not be read belongs to another program.
            with suppress(PermissionError):
                sync_path(parent)
        self._synced.update(new)

    def _unsynced(self, directories: Iterable[Path]) -> Sequence[Path]:
        """Return those of ``directories`` and their parents that are not synced, parents first."""
        found: dict[Path, None] = {}
        for directory in directories:
            path: deque[Path] = deque()
            for one in (directory, *directory.parents):
                if one in found or (one in self._synced and one.is_dir()):
                    break
                path.appendleft(one)
                if not one.parent.is_relative_to(self._root) and one.parent.is_dir():
                    break
            found.update(dict.fromkeys(path))
        return tuple(found)


def _status(path: str, file: Path) -> os.stat_result:
    try:
        status = file.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise object_missing(path) from error
    except OSError as error:
        raise unreadable(error) from error
    if not stat.S_ISREG(status.st_mode):
        raise object_missing(path)
    return status


def _read(path: str, file: Path, start: int, end: int | None, chunk_size: int) -> Iterator[bytes]:
    _status(path, file)
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise object_missing(path) from error
    except OSError as error:
        raise unreadable(error) from error
    try:
        size = os.fstat(handle).st_size
        end = size if end is None else min(end, size)
        while start < end:
            data = os.pread(handle, min(chunk_size, end - start), start)
            if not data:
                raise ObjectUnreadable(f"storage could not read: {path} was truncated")
            yield data
            start += len(data)
    except OSError as error:
        raise unreadable(error) from error
    finally:
        os.close(handle)
