"""Content on its way: in memory where it is small, else in files on this machine's disk."""

import fcntl
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Literal

from everlake.attachments.errors import FetchError, SpoolError
from everlake.attachments.spooling import resume_state
from everlake.attachments.spooling.entry import (
    MemoryBudget,
    SpoolEntry,
    SpoolFile,
    remove_files,
    translate_disk_errors,
)
from everlake.attachments.spooling.integrity_checks import check_expected
from everlake.attachments.types import ExpectedContent, SpooledContent

_NAME = re.compile(r"[A-Za-z0-9_\-]{1,128}", re.ASCII)
DEFAULT_MEMORY_BYTES = 64 * 1024 * 1024
"""Bytes of small contents in memory at a time; what is more goes to the disk."""
_NO_MEMORY = MemoryBudget(0)


def ignore_progress(_size: int) -> None:
    """Report to nobody."""


class Spool:
    """Where contents are put together: a directory, and memory for those that are small.

    A larger one is a file, one a name, each written by one fetch at a time. It is locked
    (``flock(2)``) from its opening to its drop, so that of two processes that take the same name
    one writes it and the other a file of its own; the lock of a process that dies is gone with
    it. Each takes a file handle until then. Nothing is synced here.

    Args:
        directory: on a local disk; made if it is not there.
        memory: bytes of small contents that may be there at a time.

    Raises:
        SpoolFailed: the directory cannot be made.
    """

    def __init__(self, directory: Path, memory_bytes: int = DEFAULT_MEMORY_BYTES) -> None:
        self._directory = directory
        self._memory = MemoryBudget(memory_bytes)
        self._finished: dict[str, list[SpoolEntry]] = {}
        self._lock = threading.Lock()
        with translate_disk_errors():
            directory.mkdir(parents=True, exist_ok=True)

    def receive(
        self,
        name: str,
        chunks: Iterable[bytes],
        expected: ExpectedContent,
        *,
        max_bytes: int,
        stated_type: str | None = None,
        on_progress: Callable[[int], None] = ignore_progress,
    ) -> SpooledContent:
        """Take in content that comes from elsewhere, and check it as a fetch does.

        Args:
            name: letters, digits, ``_`` and ``-``.
            chunks: the content; what they raise is raised.
            expected: what the record states.
            max_bytes: greatest size of the content.
            stated_type: MIME type that the record states.
            on_progress: told the bytes so far, four times a second at most.

        Raises:
            FetchError: ``TOO_LARGE`` or a mismatch.
            SpoolFailed: and :class:`SpoolFull`, from the disk.
        """
        check_expected(expected, max_bytes)
        with self.entry(name, expected, max_bytes, on_progress) as slot:
            slot.restart(None)
            slot.append(chunks)
            return slot.finish(stated_type)

    def receive_file(self, name: str, chunks: Iterable[bytes], size: int) -> Path:
        """Put ``size`` bytes that come from elsewhere into a file, however few they are.

        Raises:
            FetchError: there are more or fewer.
            SpoolFailed: and :class:`SpoolFull`, from the disk.
        """
        with self.entry(
            name, ExpectedContent(size=size), size, ignore_progress, on_disk=True
        ) as slot:
            slot.restart(None)
            slot.append(chunks)
            slot.finish(None)
            return slot.path

    @contextmanager
    def entry(
        self,
        name: str,
        expected: ExpectedContent,
        max_bytes: int,
        on_progress: Callable[[int], None],
        *,
        on_disk: bool = False,
    ) -> Generator[SpoolEntry]:
        """The place of ``name``, for one fetch.

        At the end, finished content is held until it is dropped. What is unfinished stays for a
        later fetch if it can go on with it and the error, if it is a :class:`FetchError`, passes.

        Raises:
            SpoolFailed: from the disk.
        """
        path = self._path(name)
        memory = _NO_MEMORY if on_disk else self._memory
        slot = SpoolEntry(
            path, partial(_open_locked, path), memory, expected, max_bytes, on_progress
        )
        try:
            yield slot
        except BaseException as error:
            lost = isinstance(error, SpoolError) or (
                isinstance(error, FetchError) and not error.retryable
            )
            slot.close(keep=slot.resumable and not lost)
            raise
        if not slot.finished:
            slot.close(keep=slot.resumable)
            return
        with self._lock:
            self._finished.setdefault(name, []).append(slot)

    def drop(self, name: str) -> None:
        """Remove what there is of ``name``, save what another process is busy with.

        Files that cannot be removed are left to :meth:`sweep`.
        """
        with self._lock:
            held = self._finished.pop(name, [])
        for slot in held:
            slot.close(keep=False)
        if not held:
            self._remove_idle(self._path(name))

    def close(self) -> None:
        """Let go of finished content that was not dropped; it stays until it is swept."""
        with self._lock:
            held, self._finished = self._finished, {}
        for slot in (one for slots in held.values() for one in slots):
            slot.close(keep=True)

    def remove_stale(self, older_than_seconds: float) -> int:
        """Remove files that nobody holds and that were last written so long ago.

        Returns:
            The number of files removed.
        """
        limit = time.time() - older_than_seconds
        removed = 0
        with suppress(OSError), os.scandir(self._directory) as entries:
            for entry in entries:
                with suppress(OSError):
                    facts = entry.stat(follow_symlinks=False)
                    if entry.is_file(follow_symlinks=False) and facts.st_mtime < limit:
                        removed += self._remove_stale_file(Path(entry.path))
        return removed

    def _remove_stale_file(self, path: Path) -> bool:
        if resume_state.SUFFIX not in path.name:
            return self._remove_idle(path)
        content = path.with_name(path.name.partition(resume_state.SUFFIX)[0])
        if content.exists():
            return False  # It goes with its content, which may be written just now.
        path.unlink()
        return True

    def _remove_idle(self, path: Path) -> bool:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            if not _lock_file(handle, path):
                return False
            remove_files(path)
        finally:
            os.close(handle)
        return True

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for the spool: use letters, digits, _ and -")
        return self._directory / name


def _open_locked(path: Path) -> SpoolFile:
    """The locked file at ``path``, or one of its own where another process has that."""
    with translate_disk_errors():
        # A drop may remove the file between its opening and its locking: then once more.
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            locked = _lock_file(handle, path)
            if locked:
                return SpoolFile(path, handle, is_canonical=True)
            os.close(handle)
            if locked is False:
                break
        own = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        handle = os.open(own, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return SpoolFile(own, handle, is_canonical=False)


def _lock_file(handle: int, path: Path) -> Literal[True, False] | None:
    """Lock an open file: False if another holds it, None if ``path`` is no longer this file."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    try:
        there = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    mine = os.fstat(handle)
    return True if (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino) else None
