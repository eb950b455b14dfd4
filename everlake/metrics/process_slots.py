"""Process slots: where the processes of a machine keep their counts, so that each can add up all.

In its multiprocess mode the Prometheus library keeps a process's counts in memory-mapped files.
The files of a process that ended have to stay, or a sum would fall; but they must not pile up.
So a process takes a numbered slot, such as ``api-0``, and continues the counts of the process that
had it before. The first process to start when no other is running deletes all counts.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

from prometheus_client import values

from everlake import files
from everlake.logs import logger

_SUFFIX = ".seat"
_RESERVED_BYTES = {"counter": 256 * 1024, "histogram": 512 * 1024}
"""Size of each file. It holds every series that can exist, since no label is free text."""

_log = logger()


class ProcessSlot:
    """The slot that this process holds until it ends.

    Args:
        directory: the directory of the machine's metrics.
        name: the role, a hyphen and a number.
        file: the slot's file, open and locked.
    """

    def __init__(self, directory: Path, name: str, file: IO[str]) -> None:
        self.directory = directory
        self.name = name
        self._file = file

    def live_processes(self) -> dict[str, int]:
        """Return the id of the process that holds each slot, by the slot's name.

        Processes of other containers are left out: here their ids mean other processes.
        """
        found: dict[str, int] = {}
        for path in sorted(self.directory.glob("*" + _SUFFIX)):
            with suppress(OSError, ValueError), path.open() as file:
                if not files.try_lock(file, shared=True):
                    pid, namespace = file.read().split()
                    if namespace == _pid_namespace():
                        found[path.name.removesuffix(_SUFFIX)] = int(pid)
        return found


def acquire_slot(directory: Path, role: str) -> ProcessSlot | None:
    """Keep the counts of this process in ``directory`` from now on.

    To be called before the first metric is created, because the library decides then where its
    value is kept.

    Returns:
        the slot; None when the directory cannot be used, which is logged: this process's counts
        are then its own.
    """
    try:
        files.make_directory(directory)
        with _directory_lock(directory):
            if not any(files.is_locked(path) for path in directory.glob("*" + _SUFFIX)):
                _delete_counts(directory)
            slot = _lock_free_slot(directory, role)
            _preallocate(directory, slot.name)
    except OSError as error:
        _log.warning("metrics of this process are counted alone", reason=str(error))
        return None
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    values.ValueClass = values.MultiProcessValue(lambda: slot.name)  # pyright: ignore[reportUnknownMemberType]
    return slot


@contextmanager
def _directory_lock(directory: Path) -> Generator[None]:
    with (directory / "lock").open("w") as file:
        files.lock(file)
        yield


def _lock_free_slot(directory: Path, role: str) -> ProcessSlot:
    for number in count():
        name = f"{role}-{number}"
        file = (directory / (name + _SUFFIX)).open("a+")
        if files.try_lock(file):
            file.truncate(0)
            file.write(f"{os.getpid()} {_pid_namespace()}")
            file.flush()
            return ProcessSlot(directory, name, file)
        file.close()
    raise AssertionError


def _pid_namespace() -> str:
    """Return the identity of the namespace of process ids (pid_namespaces(7))."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return "0"


def _preallocate(directory: Path, name: str) -> None:
    """Allocate the disk space now: a write to a mapped file on a full disk kills the process."""
    for kind, size in _RESERVED_BYTES.items():
        path = directory / f"{kind}_{name}.db"
        if path.exists() and path.stat().st_size == size:
            continue
        try:
            path.write_bytes(bytes(size))
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _delete_counts(directory: Path) -> None:
    for path in (*directory.glob("*.db"), *directory.glob("*" + _SUFFIX)):
        path.unlink(missing_ok=True)
