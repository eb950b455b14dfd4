"""Content while it comes in: small in memory, larger in a locked file of the spool."""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from everlake.attachments.errors import SpoolError, SpoolFull
from everlake.attachments.spooling import resume_state
from everlake.attachments.spooling.integrity_checks import (
    check_hashes,
    check_max_bytes,
    check_size,
    hashes_for,
    size_mismatch,
)
from everlake.attachments.spooling.mime import detect
from everlake.attachments.spooling.resume_state import ResumeState
from everlake.attachments.types import ExpectedContent, SpooledContent
from everlake.storage.local_import import write_all

MAX_IN_MEMORY_BYTES = 256 * 1024
"""Bytes up to which content stays in memory; to fetch it anew costs less than a note of it."""
_DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_BYTES = 1024 * 1024
_PROGRESS_INTERVAL_SECONDS = 0.25


class MemoryBudget:
    """What all small contents together may take.

    Args:
        most: bytes.
    """

    def __init__(self, max_bytes: int) -> None:
        self._available = max_bytes
        self._lock = threading.Lock()

    def reserve(self, size: int) -> bool:
        """Set ``size`` bytes aside; False where there are not so many."""
        with self._lock:
            if size > self._available:
                return False
            self._available -= size
            return True

    def release(self, size: int) -> None:
        """Free what was taken."""
        with self._lock:
            self._available += size


class SpoolFile(NamedTuple):
    """A locked file; ``shared`` says that it is the one that a later fetch finds."""

    path: Path
    handle: int
    is_canonical: bool


class SpoolEntry:
    """The place of one content while it comes in.

    Args:
        path: where the content would be that a later fetch goes on with.
        open_file: gives the file, when one is needed.
        memory: bounds what is kept there.
        expected: what the record states of the content.
        max_bytes: greatest size of the content.
        report: told the bytes so far, four times a second at most.

    Attributes:
        size: bytes that are here and in the hashes.
        resumable: whether a later fetch can go on with what is there.
        finished: whether the content is whole and checked.
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
        self._resume_path = path.with_name(path.name + resume_state.SUFFIX)
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
        """The file, which is made if there is none yet.

        Raises:
            SpoolFailed: from the disk.
        """
        return self._ensure_file().path

    def resume(self, url: str, check_cancellation: Callable[[], None]) -> ResumeState | None:
        """Take up what an earlier fetch of ``url`` left, hashing it again.

        Args:
            url: as it was asked for.
            check_cancellation: called between pieces; what it raises is raised.

        Returns:
            What the content is part of, with :attr:`size` its bytes so far; None if there is
            nothing to go on with.

        Raises:
            SpoolFailed: from the disk.
        """
        if resume_state.read(self._resume_path) is None:
            return None
        _, handle, shared = self._ensure_file()
        with translate_disk_errors():
            size = os.fstat(handle).st_size
            # Once more, now that nobody else writes it.
            found = resume_state.read(self._resume_path) if size and shared else None
            if found is None or found.url != url:
                return None
            bounds = (self._max_bytes, self._expected.size, found.total)
            if any(bound is not None and size > bound for bound in bounds):
                return None
            self.resumable = True
            os.lseek(handle, 0, os.SEEK_SET)
            while piece := os.read(handle, _READ_BYTES):
                self._account(piece)
                check_cancellation()
        return found

    def restart(self, state: ResumeState | None) -> None:
        """Begin anew, with nothing of the content.

        Args:
            state: what a later fetch may go on by, if it can.

        Raises:
            SpoolFailed: from the disk.
        """
        self.size = 0
        self.resumable = False
        self._hashes = hashes_for(self._expected)
        pays = state is not None and (state.total is None or state.total > MAX_IN_MEMORY_BYTES)
        if self._file is None and not pays and self._reserve_memory():
            return
        _, handle, shared = self._ensure_file()
        with translate_disk_errors():
            # In this order, so that old content never stands beside a new note.
            if shared:
                self._resume_path.unlink(missing_ok=True)
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
            if state is not None and pays and state.boot and shared:
                resume_state.write(self._resume_path, state)
                self.resumable = True

    def append(self, chunks: Iterable[bytes]) -> None:
        """Add ``chunks`` to the content.

        Raises:
            FetchError: ``TOO_LARGE`` or ``SIZE_MISMATCH``, as soon as it is seen.
            SpoolFailed: from the disk.
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
        """Check the whole content.

        Raises:
            FetchError: a mismatch.
            SpoolFailed: from the disk.
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
        """Let go of the content, and remove its file unless it is kept."""
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
        # Not left to the closing alone: a child that was forked meanwhile holds the lock too.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
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
        """Go on in a file, since the content is not small."""
        _, handle, shared = self._ensure_file()
        with translate_disk_errors():
            if shared:
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
        """Set memory aside, if that is not done yet."""
        self._chunks.clear()
        if not self._reserved and self._memory.reserve(MAX_IN_MEMORY_BYTES):
            self._reserved = MAX_IN_MEMORY_BYTES
        return self._reserved > 0

    def _release_memory(self, *, keep: int = 0) -> None:
        self._memory.release(self._reserved - keep)
        self._reserved = keep

    def _account(self, piece: bytes) -> None:
        for one in self._hashes.values():
            one.update(piece)
        self.size += len(piece)


@contextmanager
def translate_disk_errors() -> Generator[None]:
    """Turn what the disk refuses into :class:`SpoolFailed`."""
    try:
        yield
    except SpoolError:
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown reason"
        if error.errno in _DISK_FULL_ERRNOS:
            raise SpoolFull(error.errno, "the spool's disk is full: free some space") from error
        raise SpoolError(error.errno, f"the spool's disk failed: {reason}") from error


def remove_files(path: Path) -> None:
    """Remove content and its note; it is no error if there are none.

    Raises:
        OSError: from the disk.
    """
    path.with_name(path.name + resume_state.SUFFIX).unlink(missing_ok=True)
    path.unlink(missing_ok=True)
