"""Files of the spool: opening, locking and removing them, and errors of the disk."""

import errno
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from everlake.attachments.errors import SpoolError, SpoolFull
from everlake.attachments.spooling.resume_state import state_path
from everlake.files import is_at_path, try_lock

_DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class SpoolFile(NamedTuple):
    """An open file, locked with flock(2).

    ``is_canonical`` says whether it has the content's own name, by which a later fetch finds it.
    """

    path: Path
    handle: int
    is_canonical: bool


def open_locked(path: Path) -> SpoolFile:
    """Open and lock the file at ``path``, or another file beside it while that one is locked.

    Raises:
        SpoolError: the disk failed.
    """
    with translate_disk_errors():
        while True:
            handle = os.open(path, _FLAGS, 0o600)
            if not try_lock(handle):
                os.close(handle)
                break
            if is_at_path(handle, path):
                return SpoolFile(path, handle, is_canonical=True)
            # Deleted between opening and locking it.
            os.close(handle)
        own_path = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        handle = os.open(own_path, _FLAGS | os.O_EXCL, 0o600)
        try_lock(handle)
        return SpoolFile(own_path, handle, is_canonical=False)


def remove_unlocked(path: Path) -> bool:
    """Remove content and its resume state unless the file is locked; return whether they were.

    Raises:
        OSError: the disk failed.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if not (try_lock(handle) and is_at_path(handle, path)):
            return False
        remove_files(path)
    finally:
        os.close(handle)
    return True


def remove_files(path: Path) -> None:
    """Remove content and its resume state, where they exist.

    Raises:
        OSError: the disk failed.
    """
    state_path(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


@contextmanager
def translate_disk_errors() -> Generator[None]:
    """Translate :class:`OSError` to :class:`SpoolError` or :class:`SpoolFull`."""
    try:
        yield
    except SpoolError:
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown reason"
        if error.errno in _DISK_FULL_ERRNOS:
            raise SpoolFull(error.errno, "the spool's disk is full: free some space") from error
        raise SpoolError(error.errno, f"the spool's disk failed: {reason}") from error
