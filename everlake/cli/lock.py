"""A file that only one process at a time may hold."""

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from everlake.cli.context import fail


@contextmanager
def hold(file: Path, taken: Callable[[str], str]) -> Generator[None]:
    """Hold ``file`` for the length of a block, with this process's number in it.

    Args:
        taken: what to say when the process with this number holds it.

    Raises:
        CommandError: another one holds it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            opened.seek(0)
            fail(taken(opened.read().strip() or "unknown"))
        opened.truncate(0)
        opened.write(str(os.getpid()))
        opened.flush()
        yield
