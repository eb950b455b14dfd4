"""Which workers of this machine are alive: each holds a lock on a file while it runs.

A worker that was killed leaves its leases behind, to run out in their time. One that starts on
the same machine need not wait: the lock tells that the other is gone, whatever its process
number has become since.
"""

import fcntl
import os
import secrets
import socket
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import IO

from everlake.tables.durability import fsync_path

_FOLDER = "workers"
_SUFFIX = ".lock"


class LivenessLock:
    """This worker's name and the lock that shows it alive.

    Args:
        data: the data directory of this machine.
    """

    def __init__(self, data: Path) -> None:
        self._folder = data / _FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._path = self._folder / (self.name + _SUFFIX)
        # Locked before it has its name: a file that is not locked is one of the dead.
        unnamed = self._folder / self.name
        self._file = unnamed.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unnamed.rename(self._path)
        # After a power cut too it has to tell who held the leases.
        fsync_path(self._folder)
        fsync_path(data)

    def dead_workers(self) -> Generator[str]:
        """Names of workers of this data directory that ended without leaving."""
        for path in self._folder.glob("*" + _SUFFIX):
            if path != self._path and (file := _try_lock(path)) is not None:
                yield path.name.removesuffix(_SUFFIX)
                path.unlink(missing_ok=True)
                file.close()

    def other_live_workers(self) -> Generator[str]:
        """Names of other workers of this data directory that are alive."""
        for path in self._folder.glob("*" + _SUFFIX):
            if path == self._path:
                continue
            if (file := _try_lock(path)) is not None:
                file.close()
            elif path.exists():
                yield path.name.removesuffix(_SUFFIX)

    def release(self) -> None:
        """End in good order."""
        self._path.unlink(missing_ok=True)
        self._file.close()


def _try_lock(path: Path) -> IO[str] | None:
    with suppress(FileNotFoundError):
        file = path.open("r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
        else:
            return file
    return None
