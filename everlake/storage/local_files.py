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

T = TypeVar("T")


class Placed(NamedTuple):
    """A content, the path of its object, and the file that the object is to be."""

    path: str
    content: Content
    target: Path


def take_in(places: Sequence[Placed], stop: threading.Event | None) -> None:
    """Put contents where they belong, in directories that are there.

    No name stands before its bytes are safe: what has a name is taken for whole. The entries of
    the directories are not synced yet.

    Raises:
        StorageError: as :meth:`everlake.storage.ObjectStore.put_files`.
        OSError: from the disk.
    """
    ready: dict[Path, Path] = {}
    partials: list[Path] = []

    def make_ready(place: Placed) -> None:
        if (file := _made_ready(place, partials, stop)) is not None:
            ready[place.target] = file

    def give_name(place: Placed) -> None:
        if (file := ready.get(place.target)) is not None:
            _give_name(file, place.target)

    try:
        each(make_ready, places)
        each(give_name, places)
    except BaseException:
        for partial in partials:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        raise
    each(_drop, places)


def each(do: Callable[[T], object], things: Sequence[T]) -> None:
    """Do it to all, several at once, and raise the first error when all have ended.

    Threads that sync share commits of the journal: 1,000 files of 100 KB took 90 ms like this,
    and one after the other 215 ms. Each has a share from the beginning, since to hand them over
    one by one costs as much as what is done with them.
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


def _made_ready(place: Placed, partials: list[Path], stop: threading.Event | None) -> Path | None:
    """The synced file that is to be the object, on its disk; None where it is there already."""
    path, content, target = place
    if stop is not None and stop.is_set():
        raise stopped()
    size = len(content) if isinstance(content, bytes) else size_of_file(path, content)
    if _is_there(path, size, target):
        return None
    if isinstance(content, Path) and content.stat().st_dev == target.parent.stat().st_dev:
        _sync_file(content)
        return content
    partial = partial_of(target)
    partials.append(partial)
    if isinstance(content, bytes):
        _write(content, partial)
    else:
        _copy(path, content, partial, stop)
    return partial


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


def _write(data: bytes, partial: Path) -> None:
    handle = create(partial)
    try:
        write_all(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy(path: str, file: Path, partial: Path, stop: threading.Event | None) -> None:
    size = size_of_file(path, file)
    with file.open("rb", buffering=0) as source, os.fdopen(create(partial), "wb") as copy:
        while data := source.read(PIECE):
            if stop is not None and stop.is_set():
                raise stopped()
            copy.write(data)
        copy.flush()
        os.fsync(copy.fileno())
    if partial.stat().st_size != size:
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
            _copy(target.name, file, partial, None)
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


def _sync_file(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError:
        # The kernel may take what it could not write for written, and a further sync would pass.
        with suppress(OSError):
            file.unlink()
        raise
    finally:
        os.close(handle)
