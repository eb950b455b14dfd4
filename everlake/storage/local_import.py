"""Whole files and small contents into a directory, synced many at a time."""

import errno
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from everlake.storage.store import (
    DEFAULT_CHUNK_SIZE,
    Content,
    StorageError,
    check_same_size,
    file_size,
    missing_file_error,
    stopped_error,
)

PARTIAL_SUFFIX = ".partial"
_SYNC_THREADS = 8
_MAX_OPEN_FILES = 64

T = TypeVar("T")


class FileImport(NamedTuple):
    """A content, the path of its object, and the file that the object is to be."""

    path: str
    content: Content
    target: Path


class _OpenImport(NamedTuple):
    """A file that is to be an object; ``ours`` says that it was made for that."""

    item: FileImport
    file: Path
    handle: int
    temporary: bool


def import_files(items: Sequence[FileImport], stop: threading.Event | None) -> None:
    """Put contents where they belong, in directories that are there.

    No name stands before its bytes are safe: what has a name is taken for whole. The entries of
    the directories are not synced yet.

    Raises:
        StorageError: as :meth:`everlake.storage.ObjectStore.put_files`.
        OSError: from the disk.
    """
    for at in range(0, len(items), _MAX_OPEN_FILES):
        _import_group(items[at : at + _MAX_OPEN_FILES], stop)


def _import_group(items: Sequence[FileImport], stop: threading.Event | None) -> None:
    opened: list[_OpenImport] = []
    try:
        for place in items:
            if (one := _open(place, stop)) is not None:
                opened.append(one)  # noqa: PERF401 - those before an error are closed too
        run_parallel(_sync, opened)
        for one in opened:
            _rename_into_place(one.file, one.item.target)
    except BaseException:
        for one in opened:
            if one.temporary:
                with suppress(OSError):
                    one.file.unlink(missing_ok=True)
        raise
    finally:
        for one in opened:
            os.close(one.handle)
    for place in items:
        _remove_source(place)


def run_parallel(action: Callable[[T], object], items: Sequence[T]) -> None:
    """Do it to all, several at once, and raise the first error when all have ended.

    It is for syncing: threads that sync share commits of the journal, so that 1,000 files of
    100 KB took 95 ms like this, and one after the other 210 ms. Each has a share from the
    beginning, since to hand them over one by one costs as much as what is done with them.
    """
    threads = min(_SYNC_THREADS, len(items))
    if threads < 2:
        for thing in items:
            action(thing)
        return

    def do_share(number: int) -> None:
        for thing in items[number::threads]:
            action(thing)

    with ThreadPoolExecutor(threads, "store") as pool:
        for _ in pool.map(do_share, range(threads)):
            pass


def sync_directory(directory: Path) -> None:
    """Make the entries of a directory safe (fsync(2)).

    Raises:
        OSError: from the disk.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def partial_path(target: Path) -> Path:
    """A name beside ``target`` for what is not whole yet."""
    return target.with_name(f"{target.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")


def create_file(file: Path) -> int:
    """The open handle of a new file.

    Raises:
        OSError: from the disk.
    """
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)


def write_all(handle: int, data: bytes) -> None:
    """Write all of ``data``, in as many calls as it takes.

    Raises:
        OSError: from the disk.
    """
    written = os.write(handle, data)
    while written < len(data):
        written += os.write(handle, memoryview(data)[written:])


def _open(item: FileImport, stop: threading.Event | None) -> _OpenImport | None:
    """The file that is to be the object, on its disk; None where the object is there already."""
    path, content, target = item
    if stop is not None and stop.is_set():
        raise stopped_error()
    size = len(content) if isinstance(content, bytes) else file_size(path, content)
    if _exists(path, size, target):
        return None
    if isinstance(content, Path) and content.stat().st_dev == target.parent.stat().st_dev:
        handle = os.open(content, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        return _OpenImport(item, content, handle, temporary=False)
    partial = partial_path(target)
    handle = create_file(partial)
    try:
        if isinstance(content, bytes):
            write_all(handle, content)
        else:
            _copy(path, content, handle, stop)
    except BaseException:
        os.close(handle)
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    return _OpenImport(item, partial, handle, temporary=True)


def _exists(path: str, size: int | None, target: Path) -> bool:
    """Whether the object is there already.

    So it is for a file that an earlier call has moved, before it failed.

    Raises:
        StorageError: there is neither, or the two differ in size.
    """
    try:
        there = target.stat().st_size
    except FileNotFoundError:
        if size is None:
            raise missing_file_error(path) from None
        return False
    if size is not None:
        check_same_size(path, there, size)
    return True


def _copy(path: str, file: Path, copy: int, stop: threading.Event | None) -> None:
    """Write what is in ``file`` to the open file ``copy``."""
    size = file_size(path, file)
    with file.open("rb", buffering=0) as source:
        while data := source.read(DEFAULT_CHUNK_SIZE):
            if stop is not None and stop.is_set():
                raise stopped_error()
            write_all(copy, data)
    if os.fstat(copy).st_size != size:
        raise StorageError(f"the file for {path} changed while it was read")


def _rename_into_place(file: Path, target: Path) -> None:
    try:
        file.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The same disk, mounted twice.
        partial = partial_path(target)
        try:
            handle = create_file(partial)
            try:
                _copy(target.name, file, handle, None)
                os.fsync(handle)
            finally:
                os.close(handle)
            partial.rename(target)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def _remove_source(item: FileImport) -> None:
    """Remove a file that is an object now; it does no harm where it stays."""
    if isinstance(item.content, Path):
        with suppress(OSError):
            if not item.content.samefile(item.target):
                item.content.unlink()


def _sync(opened: _OpenImport) -> None:
    try:
        os.fsync(opened.handle)
    except OSError:
        # The kernel may take what it could not write for written, and a further sync would pass.
        with suppress(OSError):
            opened.file.unlink()
        raise
