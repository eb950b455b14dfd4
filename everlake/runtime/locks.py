"""A file that one process at a time may hold alone, or several together."""

import fcntl
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from everlake.cli.context import fail

_TIMEOUT_SECONDS = 0.1


@contextmanager
def exclusive_lock(file: Path, conflict_message: Callable[[str], str]) -> Generator[None]:
    """Hold ``file`` for the length of a block, with this process's number in it.

    Args:
        conflict_message: what to say when the process with this number holds it.

    Raises:
        CommandError: another one holds it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as opened:
        if not _try_lock(opened, fcntl.LOCK_EX):
            opened.seek(0)
            fail(conflict_message(opened.read().strip() or "unknown"))
        opened.truncate(0)
        opened.write(str(os.getpid()))
        opened.flush()
        yield


@contextmanager
def shared_lock(file: Path, conflict_message: str) -> Generator[None]:
    """Hold ``file`` for the length of a block, together with others that share it.

    Args:
        conflict_message: what to say when a process holds it alone.

    Raises:
        CommandError: one does.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as opened:
        if not _try_lock(opened, fcntl.LOCK_SH):
            fail(conflict_message)
        yield


def _try_lock(file: IO[str], kind: int) -> bool:
    """Lock ``file``; whoever only looks whether it is locked holds it for an instant."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_TIMEOUT_SECONDS / 10)
        else:
            return True
