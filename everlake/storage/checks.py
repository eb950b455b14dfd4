"""Checks of arguments that all object stores have in common."""

import stat
from pathlib import Path

from everlake.storage.errors import StorageError


def path_segments(path: str) -> list[str]:
    """Return the segments of an object's path.

    Raises:
        StorageError: it is not a relative path inside a store.
    """
    segments = path.split("/")
    if not {"", ".", ".."}.isdisjoint(segments) or "\0" in path:
        raise StorageError(f"{path!r} is not a path inside the store")
    return segments


def check_range(start: int, end: int | None, chunk_size: int) -> None:
    """Check the arguments of :meth:`everlake.storage.ObjectStore.read`.

    Raises:
        ValueError: a bound is negative, or the chunk size is not positive.
    """
    if start < 0 or (end is not None and end < 0) or chunk_size < 1:
        raise ValueError(f"invalid range of bytes: {start} to {end}, {chunk_size} at a time")


def check_same_size(path: str, stored: int, expected: int) -> None:
    """Check that the object that is already at ``path`` has the expected size.

    Raises:
        StorageError: it has another size.
    """
    if stored != expected:
        raise StorageError(f"there is another object at {path} already; it was not changed")


def file_size(path: str, file: Path) -> int | None:
    """Return the size of a file to import, in bytes; None when there is no file.

    Args:
        path: of the object, for messages.
        file: the file.

    Raises:
        StorageError: it is not a regular file, or it cannot be read.
    """
    try:
        status = file.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"the file for {path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise StorageError(f"the file for {path} is not a regular file")
    return status.st_size
