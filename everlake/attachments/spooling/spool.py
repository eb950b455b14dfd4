"""Spool: staging area for content that is being received, in memory and in local files."""

import os
import re
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from everlake.attachments.errors import FetchError, SpoolError
from everlake.attachments.spooling import resume_state
from everlake.attachments.spooling.entry import SpoolEntry, ignore_progress
from everlake.attachments.spooling.files import open_locked, remove_unlocked, translate_disk_errors
from everlake.attachments.spooling.integrity_checks import check_expected
from everlake.attachments.spooling.memory_budget import MemoryBudget
from everlake.attachments.types import ExpectedContent, SpooledContent
from everlake.files import make_directory

_NAME = re.compile(r"[A-Za-z0-9_\-]{1,128}", re.ASCII)
DEFAULT_MEMORY_BYTES = 64 * 1024 * 1024
"""Memory for small contents at a time; further ones go to files."""
_NO_MEMORY = MemoryBudget(0)


class Spool:
    """Staging area: a directory for large contents, and memory for small ones.

    A file is named after its content and written by one fetch at a time. It is locked (flock(2))
    until the content is dropped: when two processes receive the same name, the second writes a
    file of its own. The lock of a process that dies is released by the system. Each content in a
    file uses one file descriptor. Nothing is synced.

    Args:
        directory: on a local disk; created if it does not exist.
        memory_bytes: memory for small contents at a time.

    Raises:
        SpoolError: the directory cannot be created.
    """

    def __init__(self, directory: Path, memory_bytes: int = DEFAULT_MEMORY_BYTES) -> None:
        self._directory = directory
        self._memory = MemoryBudget(memory_bytes)
        self._finished: dict[str, list[SpoolEntry]] = {}
        self._lock = threading.Lock()
        with translate_disk_errors():
            make_directory(directory)

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
        """Receive content from an iterable, and check it.

        Args:
            name: name of the content: letters, digits, ``_`` and ``-``.
            chunks: the content; an exception of the iterator is raised.
            expected: properties of the content that the record states.
            max_bytes: largest size of the content.
            stated_type: MIME type that the record states.
            on_progress: called with the bytes received so far, at most four times a second.

        Raises:
            FetchError: the content is too large, or does not have the expected size or hash.
            SpoolError: the disk failed.
        """
        check_expected(expected, max_bytes)
        with self.entry(name, expected, max_bytes, on_progress) as entry:
            entry.restart(None)
            entry.append(chunks)
            return entry.finish(stated_type)

    def receive_file(self, name: str, chunks: Iterable[bytes], size: int) -> Path:
        """Receive exactly ``size`` bytes from an iterable into a file, even when they are few.

        Raises:
            FetchError: there are more or fewer bytes.
            SpoolError: the disk failed.
        """
        with self.entry(
            name, ExpectedContent(size=size), size, ignore_progress, on_disk=True
        ) as entry:
            entry.restart(None)
            entry.append(chunks)
            entry.finish(None)
            return entry.path

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
        """Provide the entry of ``name`` for the length of a block.

        At its end, finished content is held until :meth:`drop`. Partial content is kept when a
        later fetch can resume it and the block's error does not rule that out.

        Args:
            name: name of the content.
            expected: properties of the content that the record states.
            max_bytes: largest size of the content.
            on_progress: called with the bytes received so far, at most four times a second.
            on_disk: use a file even for small content.

        Raises:
            SpoolError: the disk failed.
        """
        path = self._path(name)
        memory = _NO_MEMORY if on_disk else self._memory
        entry = SpoolEntry(
            path, partial(open_locked, path), memory, expected, max_bytes, on_progress
        )
        try:
            yield entry
        except BaseException as error:
            is_final = isinstance(error, SpoolError) or (
                isinstance(error, FetchError) and not error.retryable
            )
            entry.close(keep=entry.resumable and not is_final)
            raise
        if not entry.finished:
            entry.close(keep=entry.resumable)
            return
        with self._lock:
            self._finished.setdefault(name, []).append(entry)

    def drop(self, name: str) -> None:
        """Remove the content ``name``, unless another process is receiving it.

        Files that cannot be removed are left to :meth:`remove_stale`.
        """
        with self._lock:
            held = self._finished.pop(name, [])
        for entry in held:
            entry.close(keep=False)
        if not held:
            remove_unlocked(self._path(name))

    def close(self) -> None:
        """Release finished contents. Their files remain until :meth:`remove_stale`."""
        with self._lock:
            held, self._finished = self._finished, {}
        for entry in (each for entries in held.values() for each in entries):
            entry.close(keep=True)

    def remove_stale(self, older_than_seconds: float) -> int:
        """Remove files that are not locked and were not written to for some seconds.

        Returns:
            The number of files removed.
        """
        newest = time.time() - older_than_seconds
        removed = 0
        with suppress(OSError), os.scandir(self._directory) as entries:
            for entry in entries:
                with suppress(OSError):
                    modified = entry.stat(follow_symlinks=False).st_mtime
                    if entry.is_file(follow_symlinks=False) and modified < newest:
                        removed += _remove_stale_file(Path(entry.path))
        return removed

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a valid spool name: use letters, digits, _ and -")
        return self._directory / name


def _remove_stale_file(path: Path) -> bool:
    if resume_state.SUFFIX not in path.name:
        return remove_unlocked(path)
    content = path.with_name(path.name.partition(resume_state.SUFFIX)[0])
    if content.exists():
        return False  # Removed together with its content, which may be in use.
    path.unlink()
    return True
