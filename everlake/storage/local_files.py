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
    PIECE,
    Content,
    StorageError,
    check_same_size,
    no_file,
    size_of_file,
    stopped,
)

PARTIAL_SUFFIX = ".partial"
_AT_ONCE = 8
_OPEN_AT_ONCE = 64

T = TypeVar("T")


class Placed(NamedTuple):
    """A content, the path of its object, and the file that the object is to be."""

    path: str
    content: Content
    target: Path


class _Opened(NamedTuple):
    """A file that is to be an object; ``ours`` says that it was made for that."""

    place: Placed
    file: Path
    handle: int
    ours: bool


def take_in(places: Sequence[Placed], stop: threading.Event | None) -> None:
    """Put contents where they belong, in directories that are there.

    No name stands before its bytes are safe: what has a name is taken for whole. The entries of
    the directories are not synced yet.

    Raises:
        StorageError: as :meth:`everlake.storage.ObjectStore.put_files`.
        OSError: from the disk.
    """
    for at in range(0, len(places), _OPEN_AT_ONCE):
        _take_in(places[at : at + _OPEN_AT_ONCE], stop)


def _take_in(places: Sequence[Placed], stop: threading.Event | None) -> None:
    opened: list[_Opened] = []
    try:
        for place in places:
            if (one := _open(place, stop)) is not None:
                opened.append(one)  # noqa: PERF401 - those before an error are closed too
        each(_sync, opened)
        for one in opened:
            _give_name(one.file, one.place.target)
    except BaseException:
        for one in opened:
            if one.ours:
                with suppress(OSError):
                    one.file.unlink(missing_ok=True)
        raise
    finally:
        for one in opened:
            os.close(one.handle)
    for place in places:
        _drop(place)


def each(do: Callable[[T], object], things: Sequence[T]) -> None:
    """Do it to all, several at once, and raise the first error when all have ended.

    It is for syncing: threads that sync share commits of the journal, so that 1,000 files of
    100 KB took 95 ms like this, and one after the other 210 ms. Each has a share from the
    beginning, since to hand them over one by one costs as much as what is done with them.
    """
    threads = min(_AT_ONCE, len(things))
    if threads < 2:
        for thing in things:
            do(thing)
        return

    def do_share(number: int) -> None:
        for thing in things[number::threads]:
            do(thing)

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


def partial_of(target: Path) -> Path:
    """A name beside ``target`` for what is not whole yet."""
    return target.with_name(f"{target.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")


def create(file: Path) -> int:
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


def _open(place: Placed, stop: threading.Event | None) -> _Opened | None:
    """The file that is to be the object, on its disk; None where the object is there already."""
    path, content, target = place
    if stop is not None and stop.is_set():
        raise stopped()
    size = len(content) if isinstance(content, bytes) else size_of_file(path, content)
    if _is_there(path, size, target):
        return None
    if isinstance(content, Path) and content.stat().st_dev == target.parent.stat().st_dev:
        handle = os.open(content, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        return _Opened(place, content, handle, ours=False)
    partial = partial_of(target)
    handle = create(partial)
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
    return _Opened(place, partial, handle, ours=True)


def _is_there(path: str, size: int | None, target: Path) -> bool:
    """Whether the object is there already.

    So it is for a file that an earlier call has moved, before it failed.

    Raises:
        StorageError: there is neither, or the two differ in size.
    """
    try:
        there = target.stat().st_size
    except FileNotFoundError:
        if size is None:
            raise no_file(path) from None
        return False
    if size is not None:
        check_same_size(path, there, size)
    return True


def _copy(path: str, file: Path, copy: int, stop: threading.Event | None) -> None:
    """Write what is in ``file`` to the open file ``copy``."""
    size = size_of_file(path, file)
    with file.open("rb", buffering=0) as source:
        while data := source.read(PIECE):
            if stop is not None and stop.is_set():
                raise stopped()
            write_all(copy, data)
    if os.fstat(copy).st_size != size:
        raise StorageError(f"the file for {path} changed while it was read")


def _give_name(file: Path, target: Path) -> None:
    try:
        file.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The same disk, mounted twice.
        partial = partial_of(target)
        try:
            handle = create(partial)
            try:
                _copy(target.name, file, handle, None)
                os.fsync(handle)
            finally:
                os.close(handle)
            partial.rename(target)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def _drop(place: Placed) -> None:
    """Remove a file that is an object now; it does no harm where it stays."""
    if isinstance(place.content, Path):
        with suppress(OSError):
            if not place.content.samefile(place.target):
                place.content.unlink()


def _sync(one: _Opened) -> None:
    try:
        os.fsync(one.handle)
    except OSError:
        # The kernel may take what it could not write for written, and a further sync would pass.
        with suppress(OSError):
            one.file.unlink()
        raise
