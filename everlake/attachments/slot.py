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

from everlake.attachments import sidecar
from everlake.attachments.checks import (
    check_hashes,
    check_limit,
    check_total,
    hashes_for,
    size_mismatch,
)
from everlake.attachments.errors import SpoolFailed, SpoolFull
from everlake.attachments.mime import detect
from everlake.attachments.sidecar import Sidecar
from everlake.attachments.values import Expected, Fetched
from everlake.storage.local_files import write_all

SMALL = 256 * 1024
"""Bytes up to which content stays in memory; to fetch it anew costs less than a note of it."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PIECE = 1024 * 1024
_REPORT_SECONDS = 0.25


class Memory:
    """What all small contents together may take.

    Args:
        most: bytes.
    """

    def __init__(self, most: int) -> None:
        self._left = most
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Set ``size`` bytes aside; False where there are not so many."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """Free what was taken."""
        with self._lock:
            self._left += size


class SlotFile(NamedTuple):
    """A locked file; ``shared`` says that it is the one that a later fetch finds."""

    path: Path
    handle: int
    shared: bool


class Slot:
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
        open_file: Callable[[], SlotFile],
        memory: Memory,
        expected: Expected,
        max_bytes: int,
        report: Callable[[int], None],
    ) -> None:
        self._note = path.with_name(path.name + sidecar.SUFFIX)
        self._open_file = open_file
        self._memory = memory
        self._expected = expected
        self._max_bytes = max_bytes
        self._report = report
        self._hashes = hashes_for(expected)
        self._file: SlotFile | None = None
        self._chunks: list[bytes] = []
        self._taken = 0
        self.size = 0
        self.resumable = False
        self.finished = False

    @property
    def path(self) -> Path:
        """The file, which is made if there is none yet.

        Raises:
            SpoolFailed: from the disk.
        """
        return self._on_disk().path

    def resume(self, url: str, pause: Callable[[], None]) -> Sidecar | None:
        """Take up what an earlier fetch of ``url`` left, hashing it again.

        Args:
            url: as it was asked for.
            pause: called between pieces; what it raises is raised.

        Returns:
            What the content is part of, with :attr:`size` its bytes so far; None if there is
            nothing to go on with.

        Raises:
            SpoolFailed: from the disk.
        """
        if sidecar.read(self._note) is None:
            return None
        _, handle, shared = self._on_disk()
        with translated():
            size = os.fstat(handle).st_size
            # Once more, now that nobody else writes it.
            found = sidecar.read(self._note) if size and shared else None
            if found is None or found.url != url:
                return None
            bounds = (self._max_bytes, self._expected.size, found.total)
            if any(bound is not None and size > bound for bound in bounds):
                return None
            self.resumable = True
            os.lseek(handle, 0, os.SEEK_SET)
            while piece := os.read(handle, _PIECE):
                self._count(piece)
                pause()
        return found

    def restart(self, note: Sidecar | None) -> None:
        """Begin anew, with nothing of the content.

        Args:
            note: what a later fetch may go on by, if it can.

        Raises:
            SpoolFailed: from the disk.
        """
        self.size = 0
        self.resumable = False
        self._hashes = hashes_for(self._expected)
        pays = note is not None and (note.total is None or note.total > SMALL)
        if self._file is None and not pays and self._take():
            return
        _, handle, shared = self._on_disk()
        with translated():
            # In this order, so that old content never stands beside a new note.
            if shared:
                self._note.unlink(missing_ok=True)
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
            if note is not None and pays and note.boot and shared:
                sidecar.write(self._note, note)
                self.resumable = True

    def fill(self, chunks: Iterable[bytes]) -> None:
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
                check_limit(self.size + len(chunk), self._max_bytes)
                raise size_mismatch(limit)
            self._write(chunk)
            self._count(chunk)
            if (now := time.monotonic()) >= next_report:
                next_report = now + _REPORT_SECONDS
                self._report(self.size)
        self._report(self.size)

    def finish(self, stated_type: str | None) -> Fetched:
        """Check the whole content.

        Raises:
            FetchError: a mismatch.
            SpoolFailed: from the disk.
        """
        check_total(self.size, self._expected, self._max_bytes)
        check_hashes(self._hashes, self._expected)
        if self._file is None:
            content: Path | bytes = b"".join(self._chunks)
            self._chunks.clear()
            self._give_back(all_but=len(content))
            mime_type = detect(BytesIO(content), stated_type)
        else:
            content = self._file.path
            with translated(), os.fdopen(os.dup(self._file.handle), "rb") as file:
                mime_type = detect(file, stated_type)
        self.finished = True
        return Fetched(
            content=content,
            size=self.size,
            sha256=self._hashes["sha256"].hexdigest(),
            mime_type=mime_type,
        )

    def close(self, *, keep: bool) -> None:
        """Let go of the content, and remove its file unless it is kept."""
        self._chunks.clear()
        self._give_back()
        if self._file is None:
            return
        path, handle, _ = self._file
        with suppress(OSError):
            if not keep and self.resumable:
                remove(path)
            elif not keep:
                path.unlink(missing_ok=True)
        # Not left to the closing alone: a child that was forked meanwhile holds the lock too.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)

    def _write(self, chunk: bytes) -> None:
        if self._file is None:
            if self.size + len(chunk) <= self._taken:
                self._chunks.append(chunk)
                return
            self._to_disk()
        handle = self._on_disk().handle
        with translated():
            write_all(handle, chunk)

    def _to_disk(self) -> None:
        """Go on in a file, since the content is not small."""
        _, handle, shared = self._on_disk()
        with translated():
            if shared:
                self._note.unlink(missing_ok=True)
            os.ftruncate(handle, 0)
            for chunk in self._chunks:
                write_all(handle, chunk)
        self._chunks.clear()
        self._give_back()

    def _on_disk(self) -> SlotFile:
        if self._file is None:
            self._file = self._open_file()
        return self._file

    def _take(self) -> bool:
        """Set memory aside, if that is not done yet."""
        self._chunks.clear()
        if not self._taken and self._memory.take(SMALL):
            self._taken = SMALL
        return self._taken > 0

    def _give_back(self, *, all_but: int = 0) -> None:
        self._memory.give_back(self._taken - all_but)
        self._taken = all_but

    def _count(self, piece: bytes) -> None:
        for one in self._hashes.values():
            one.update(piece)
        self.size += len(piece)


@contextmanager
def translated() -> Generator[None]:
    """Turn what the disk refuses into :class:`SpoolFailed`."""
    try:
        yield
    except SpoolFailed:
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown reason"
        if error.errno in _FULL:
            raise SpoolFull(error.errno, "the spool's disk is full: free some space") from error
        raise SpoolFailed(error.errno, f"the spool's disk failed: {reason}") from error


def remove(path: Path) -> None:
    """Remove content and its note; it is no error if there are none.

    Raises:
        OSError: from the disk.
    """
    path.with_name(path.name + sidecar.SUFFIX).unlink(missing_ok=True)
    path.unlink(missing_ok=True)
