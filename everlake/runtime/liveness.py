"""Liveness locks: which workers of a machine are alive.

Each worker holds a lock on a file of its own while it runs. The leases of a killed worker run out
in their time; another worker of the same machine need not wait for that, because the system has
released the lock. Process ids would not tell, since the system uses them again.
"""

import os
import secrets
import socket
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from everlake import files

_FOLDER = "workers"
_SUFFIX = ".lock"


class LivenessLock:
    """This process's unique name, and the lock that shows it to be alive.

    A context manager: the lock is released at the end of the block.

    Args:
        data: the data directory of this machine.
    """

    def __init__(self, data: Path) -> None:
        self._folder = data / _FOLDER
        files.make_directory(self._folder)
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._path = self._folder / (self.name + _SUFFIX)
        # Locked before it gets its name: a lock file that nobody holds is that of a dead worker.
        unnamed = self._folder / self.name
        self._file = unnamed.open("w")
        files.lock(self._file)
        unnamed.rename(self._path)
        # After a power loss the file tells whose leases can be taken over.
        files.sync_path(self._folder)
        files.sync_path(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def dead_workers(self) -> Generator[str]:
        """Yield the names of workers of this data directory that ended without a release.

        A name is forgotten when the next one is asked for, so what the caller does about it is
        done again after a failure.
        """
        for path in self._other_paths():
            if (file := _try_lock(path)) is not None:
                yield path.name.removesuffix(_SUFFIX)
                path.unlink(missing_ok=True)
                file.close()

    def other_live_workers(self) -> Generator[str]:
        """Yield the names of other workers of this data directory that are alive."""
        for path in self._other_paths():
            if (file := _try_lock(path)) is not None:
                file.close()
            elif path.exists():
                yield path.name.removesuffix(_SUFFIX)

    def release(self) -> None:
        """Release the lock and remove its file."""
        self._path.unlink(missing_ok=True)
        self._file.close()

    def _other_paths(self) -> list[Path]:
        return [path for path in self._folder.glob("*" + _SUFFIX) if path != self._path]


def live_workers(data: Path) -> list[str]:
    """Return the names of the workers of a data directory that are alive."""
    found: list[str] = []
    for path in (data / _FOLDER).glob("*" + _SUFFIX):
        if (file := _try_lock(path)) is not None:
            file.close()
        elif path.exists():
            found.append(path.name.removesuffix(_SUFFIX))
    return found


def _try_lock(path: Path) -> IO[str] | None:
    """Open and lock the file; None when it is missing, or another process holds it."""
    with suppress(FileNotFoundError):
        file = path.open("r+")
        if files.try_lock(file):
            return file
        file.close()
    return None
