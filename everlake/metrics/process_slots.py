"""The place where all processes of a machine count, so that any of them can tell all counts.

The library keeps a process's counts in mapped files (its multiprocess mode). Those of a process
that ended have to stay, or a sum would fall; and they must not pile up. So a process takes a
seat, such as ``api-0``, and goes on with the counts of whoever sat there before. The first to
come, after all had gone, clears the room.
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

from prometheus_client import values

from everlake.logs import logger

_SUFFIX = ".seat"
_RESERVED_BYTES = {"counter": 256 * 1024, "histogram": 512 * 1024}
"""Bytes of each file: room for every series there can be, since no label is free text."""

_log = logger()


class ProcessSlot:
    """This process's place, held until it ends.

    Args:
        folder: that of the machine.
        name: the role, a hyphen and a number.
        file: open and locked.
    """

    def __init__(self, folder: Path, name: str, file: IO[str]) -> None:
        self.directory = folder
        self.name = name
        self._file = file

    def live_processes(self) -> dict[str, int]:
        """The process that sits on each seat, by the seat's name.

        Those of other containers are left out: their numbers name other processes here.
        """
        found: dict[str, int] = {}
        for path in sorted(self.directory.glob("*" + _SUFFIX)):
            with suppress(OSError, ValueError), path.open() as file:
                if not _try_lock(file, fcntl.LOCK_SH):
                    pid, namespace = file.read().split()
                    if namespace == _pid_namespace():
                        found[path.name.removesuffix(_SUFFIX)] = int(pid)
        return found


def acquire_slot(directory: Path, role: str) -> ProcessSlot | None:
    """Count in ``directory`` from now on; None, and it is logged, where that is not possible.

    To be called before the first metric is made: the library asks then where its value lies.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _directory_lock(directory):
            if not any(_is_locked(path) for path in directory.glob("*" + _SUFFIX)):
                _delete_counts(directory)
            seat = _lock_free_slot(directory, role)
            _preallocate(directory, seat.name)
    except OSError as error:
        _log.warning("this process is counted alone", reason=str(error))
        return None
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    values.ValueClass = values.MultiProcessValue(lambda: seat.name)  # pyright: ignore[reportUnknownMemberType]
    return seat


@contextmanager
def _directory_lock(folder: Path) -> Generator[None]:
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock_free_slot(folder: Path, role: str) -> ProcessSlot:
    for number in count():
        name = f"{role}-{number}"
        file = (folder / (name + _SUFFIX)).open("a+")
        if _try_lock(file):
            file.truncate(0)
            file.write(f"{os.getpid()} {_pid_namespace()}")
            file.flush()
            return ProcessSlot(folder, name, file)
        file.close()
    raise AssertionError


def _pid_namespace() -> str:
    """That of the process numbers (pid_namespaces(7))."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return "0"


def _preallocate(folder: Path, name: str) -> None:
    """Take the disk's space now: to write where a full disk has none would end the process."""
    for kind, size in _RESERVED_BYTES.items():
        path = folder / f"{kind}_{name}.db"
        if path.exists() and path.stat().st_size == size:
            continue
        try:
            path.write_bytes(bytes(size))
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _delete_counts(folder: Path) -> None:
    for path in (*folder.glob("*.db"), *folder.glob("*" + _SUFFIX)):
        path.unlink(missing_ok=True)


def _is_locked(path: Path) -> bool:
    with path.open() as file:
        return not _try_lock(file, fcntl.LOCK_SH)


def _try_lock(file: IO[str], kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
