"""Spool entry: one content while it is received, in memory or in a locked file."""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from everlake.attachments.spooling import resume_state
from everlake.attachments.spooling.files import SpoolFile, remove_files, translate_disk_errors
from everlake.attachments.spooling.integrity_checks import (
    check_hashes,
    check_max_bytes,
    check_size,
    hashes_for,
    size_mismatch,
)
from everlake.attachments.spooling.memory_budget import MemoryBudget
from everlake.attachments.spooling.mime import detect
from everlake.attachments.spooling.resume_state import ResumeState
from everlake.attachments.types import ExpectedContent, SpooledContent
from everlake.files import unlock, write_all

MAX_IN_MEMORY_BYTES = 256 * 1024
"""Size up to which content stays in memory: downloading it again costs less than a resume state."""
_READ_BYTES = 1024 * 1024
_PROGRESS_INTERVAL_SECONDS = 0.25


def ignore_progress(_size: int) -> None:
    """Do nothing, as the progress callback."""


class SpoolEntry:
    """Content that is being received, counted and hashed.

    Args:
        path: file in which a later fetch finds partial content.
        open_file: opens the file once the content does not fit in memory.
        memory: budget for content in memory.
        expected: properties of the content that the record states.
        max_bytes: largest size of the content.
        on_progress: called with the bytes received so far, at most four times a second.

    Attributes:
        size: bytes received and hashed.
        resumable: whether a later fetch can resume the content.
        finished: whether the content is complete and checked.
    """

    def __init__(
        self,
        path: Path,
        open_file: Callable[[], SpoolFile],
        memory: MemoryBudget,
        expected: ExpectedContent,
        max_bytes: int,
        on_progress: Callable[[int], None],
    ) -> None:
        self._resume_path = resume_state.state_path(path)
        self._open_file = open_file
        self._memory = memory
        self._expected = expected
        self._max_bytes = max_bytes
        self._on_progress = on_progress
        self._hashes = hashes_for(expected)
        self._file: SpoolFile | None = None
        self._chunks: list[bytes] = []
        self._reserved = 0
        self.size = 0
        self.resumable = False
        self.finished = False

    @property
    def path(self) -> Path:
        """The content's file, which is created if necessary.

        Raises:
            SpoolError: the disk failed.
        """
        return self._ensure_file().path

    def resume(self, url: str, check_cancellation: Callable[[], None]) -> ResumeState | None:
        """Continue the partial content of an earlier fetch of ``url``, hashing it again.

        Args:
            url: the requested URL.
            check_cancellation: called between pieces; its exception is raised.

        Returns:
            The resume state, with :attr:`size` the bytes received so far; None when there is no
            partial content of this URL.

        Raises:
            SpoolError: the disk failed.
        """
        if resume_state.read(self._resume_path) is None:
            return None
        _, handle, is_canonical = self._ensure_file()
        with translate_disk_errors():
            size = os.fstat(handle).st_size
            # Read again: until the file was locked, another process could write both.
            state = resume_state.read(self._resume_path) if size and is_canonical else None
            if state is None or state.url != url:
                return None
            bounds = (self._max_bytes, self._expected.size, state.total)
            if any(bound is not None and size > bound for bound in bounds):
                return None
            self.resumable = True
            os.lseek(handle, 0, os.SEEK_SET)
            while data := os.read(handle, _READ_BYTES):
                self._account(data)
                check_cancellation()
        return state

    def restart(self, state: ResumeState | None) -> None:
        """Discard what was received and start from the first byte.

        Args:
            state: resume state for a later fetch; None when the content cannot be resumed.

        Raises:
            SpoolError: the disk failed.
        """
        self.size = 0
        self.resumable = False
        self._hashes = hashes_for(self._expected)
        worth_resuming = state is not None and (
            state.total is None or state.total > MAX_IN_MEMORY_BYTES
        )
        if self._file is None and not worth_resuming and self._reserve_memory():
            return
        _, handle, is_canonical = self._ensure_file()
        with translate_disk_errors():
            # In this order, so that old content never has a new resume state.
            if is_canonical:
                self._resume_path.unlink(missing_ok=True)
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
            if state is not None and worth_resuming and state.boot and is_canonical:
                resume_state.write(self._resume_path, state)
                self.resumable = True

    def append(self, chunks: Iterable[bytes]) -> None:
        """Append ``chunks`` to the content.

        Raises:
            FetchError: ``TOO_LARGE`` or ``SIZE_MISMATCH``, as soon as it is certain.
            SpoolError: the disk failed.
        """
        limit = self._max_bytes
        if self._expected.size is not None:
            limit = min(limit, self._expected.size)
        next_report = time.monotonic()
        for chunk in chunks:
            if self.size + len(chunk) > limit:
                check_max_bytes(self.size + len(chunk), self._max_bytes)
                raise size_mismatch(limit)
            self._write(chunk)
            self._account(chunk)
            if (now := time.monotonic()) >= next_report:
                next_report = now + _PROGRESS_INTERVAL_SECONDS
                self._on_progress(self.size)
        self._on_progress(self.size)

    def finish(self, stated_type: str | None) -> SpooledContent:
        """Check the complete content, and return it.

        Args:
            stated_type: MIME type that the record states.

        Raises:
            FetchError: the content does not have the expected size or hash.
            SpoolError: the disk failed.
        """
        check_size(self.size, self._expected, self._max_bytes)
        check_hashes(self._hashes, self._expected)
        if self._file is None:
            content: Path | bytes = b"".join(self._chunks)
            self._chunks.clear()
            self._release_memory(keep=len(content))
            mime_type = detect(BytesIO(content), stated_type)
        else:
            content = self._file.path
            with translate_disk_errors(), os.fdopen(os.dup(self._file.handle), "rb") as file:
                mime_type = detect(file, stated_type)
        self.finished = True
        return SpooledContent(
            content=content,
            size=self.size,
            sha256=self._hashes["sha256"].hexdigest(),
            mime_type=mime_type,
        )

    def close(self, *, keep: bool) -> None:
        """Release the content's memory or file; remove the file unless ``keep``."""
        self._chunks.clear()
        self._release_memory()
        if self._file is None:
            return
        path, handle, _ = self._file
        with suppress(OSError):
            if not keep and self.resumable:
                remove_files(path)
            elif not keep:
                path.unlink(missing_ok=True)
        # Closing is not enough: a child process that was forked meanwhile shares the lock.
        with suppress(OSError):
            unlock(handle)
        os.close(handle)

    def _write(self, chunk: bytes) -> None:
        if self._file is None:
            if self.size + len(chunk) <= self._reserved:
                self._chunks.append(chunk)
                return
            self._spill_to_disk()
        handle = self._ensure_file().handle
        with translate_disk_errors():
            write_all(handle, chunk)

    def _spill_to_disk(self) -> None:
        """Move the content from memory to a file."""
        _, handle, is_canonical = self._ensure_file()
        with translate_disk_errors():
            if is_canonical:
                self._resume_path.unlink(missing_ok=True)
            os.ftruncate(handle, 0)
            for chunk in self._chunks:
                write_all(handle, chunk)
        self._chunks.clear()
        self._release_memory()

    def _ensure_file(self) -> SpoolFile:
        if self._file is None:
            self._file = self._open_file()
        return self._file

    def _reserve_memory(self) -> bool:
        """Reserve memory for small content; return whether some is reserved."""
        self._chunks.clear()
        if not self._reserved and self._memory.reserve(MAX_IN_MEMORY_BYTES):
            self._reserved = MAX_IN_MEMORY_BYTES
        return self._reserved > 0

    def _release_memory(self, *, keep: int = 0) -> None:
        self._memory.release(self._reserved - keep)
        self._reserved = keep

    def _account(self, data: bytes) -> None:
        for each in self._hashes.values():
            each.update(data)
        self.size += len(data)
