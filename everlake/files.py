"""Durable and locked files: fsync, flock, and atomic replacement (fsync(2), flock(2), rename(2)).

Errors of the disk are raised as OSError, as the system reports them.
"""

import fcntl
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

PARTIAL_SUFFIX = ".partial"
_POLL_SECONDS = 0.01


def sync_path(path: str | Path, *, missing_ok: bool = False) -> None:
    """Flush a file's content, or a directory's entries, to the disk.

    Args:
        path: the file or directory.
        missing_ok: return when nothing is there, because it was deleted meanwhile.

    Raises:
        FileNotFoundError: nothing is there, and ``missing_ok`` is false.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        if missing_ok:
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create a directory and its parents so that each of them survives a power loss.

    Only their owner may enter the new ones. Existing ones keep their modes.
    """
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    # A parent that may not be read belongs to another program.
    with suppress(PermissionError):
        sync_path(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes to an open file, in as many system calls as needed."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def create_file(path: Path, mode: int = 0o644) -> int:
    """Create a file for writing, and return its descriptor.

    Raises:
        FileExistsError: there is one already.
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)


def partial_path(path: Path) -> Path:
    """Return a unique name beside ``path`` for a file that is still being written."""
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")


def replace_atomically(path: Path, data: bytes, *, partial: Path, durable: bool = True) -> None:
    """Write ``data`` to ``path`` so that readers see the old content or the new, never a part.

    Args:
        path: the file to replace.
        data: its new content.
        partial: a name in the same directory, to write before renaming. It is removed on failure.
        durable: sync the file and its directory, so that the new content survives a power loss.
    """
    try:
        partial.write_bytes(data)
        if durable:
            sync_path(partial)
        partial.rename(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    if durable:
        sync_path(path.parent)


def try_lock(file: int | IO[Any], *, shared: bool = False) -> bool:
    """Lock an open file or directory if no other open file holds it; return whether it worked.

    The lock ends when the file is closed.
    """
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock(file: int | IO[Any], *, shared: bool = False, timeout: float | None = None) -> None:
    """Lock an open file or directory, waiting up to ``timeout`` seconds, or without a limit.

    Raises:
        BlockingIOError: another open file still holds it after ``timeout`` seconds.
    """
    if timeout is None:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        return
    deadline = time.monotonic() + timeout
    while not try_lock(file, shared=shared):
        if time.monotonic() > deadline:
            raise BlockingIOError(f"the file stayed locked for {timeout} seconds")
        time.sleep(_POLL_SECONDS)


def unlock(file: int | IO[Any]) -> None:
    """Release the lock of an open file."""
    fcntl.flock(file, fcntl.LOCK_UN)


def is_locked(path: Path) -> bool:
    """Return whether another open file holds the file at ``path``; false when it is missing."""
    with suppress(OSError), path.open() as file:
        return not try_lock(file, shared=True)
    return False


def file_identity(path: Path) -> tuple[int, int] | None:
    """Return the device and inode of the file or directory at ``path``; None when none is there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None


def is_at_path(descriptor: int, path: Path) -> bool:
    """Return whether ``path`` still names the open file, and not another one in its place."""
    status = os.fstat(descriptor)
    return file_identity(path) == (status.st_dev, status.st_ino)
