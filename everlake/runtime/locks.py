"""Lock files of processes: exclusive or shared, for the length of a block."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from everlake import files
from everlake.runtime.errors import LockHeld

_TIMEOUT_SECONDS = 0.1
"""Longer than :func:`everlake.files.is_locked` holds a file in order to test it."""


@contextmanager
def exclusive_lock(path: Path, conflict_message: Callable[[str], str]) -> Generator[None]:
    """Hold a file exclusively, and write the id of this process into it.

    Args:
        path: the file; it is created when missing.
        conflict_message: returns the error's message from the id of the process that holds it.

    Raises:
        LockHeld: another process holds it.
    """
    files.make_directory(path.parent)
    with path.open("a+") as file:
        try:
            files.lock(file, timeout=_TIMEOUT_SECONDS)
        except BlockingIOError:
            file.seek(0)
            raise LockHeld(conflict_message(file.read().strip() or "unknown")) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def shared_lock(path: Path, conflict_message: str) -> Generator[None]:
    """Hold a file together with other processes that share it.

    Args:
        path: the file; it is created when missing.
        conflict_message: the error's message.

    Raises:
        LockHeld: another process holds it exclusively.
    """
    files.make_directory(path.parent)
    with path.open("a+") as file:
        try:
            files.lock(file, shared=True, timeout=_TIMEOUT_SECONDS)
        except BlockingIOError:
            raise LockHeld(conflict_message) from None
        yield
