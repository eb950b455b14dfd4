"""Content on its way: files of a directory on this machine's disk."""

import errno
import fcntl
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from everlake.attachments import sidecar
from everlake.attachments.checks import (
    check_expected,
    check_hashes,
    check_limit,
    check_total,
    hashes_for,
    size_mismatch,
)
from everlake.attachments.errors import FetchError, SpoolFailed, SpoolFull
from everlake.attachments.mime import detect
from everlake.attachments.sidecar import Sidecar
from everlake.attachments.values import Expected, Fetched

_NAME = re.compile(r"[A-Za-z0-9_\-]{1,128}", re.ASCII)
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PIECE = 1024 * 1024
_NOT_WORTH_A_NOTE = 256 * 1024
_REPORT_SECONDS = 0.25


def ignore(_size: int) -> None:
    """Report to nobody."""


class Spool:
    """A directory of files, one a name, each written by one fetch at a time.

    A file is locked (``flock(2)``) from its opening to its drop, so that of two processes that
    take the same name one writes it and the other a file of its own; the lock of a process that
    dies is gone with it. Each takes a file handle until then. Nothing is synced here.

    Args:
        directory: on a local disk; made if it is not there.

    Raises:
        SpoolFailed: the directory cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: dict[str, list[Slot]] = {}
        self._lock = threading.Lock()
        with translated():
            directory.mkdir(parents=True, exist_ok=True)

    def receive(
        self,
        name: str,
        chunks: Iterable[bytes],
        expected: Expected,
        *,
        max_bytes: int,
        stated_type: str | None = None,
        report: Callable[[int], None] = ignore,
    ) -> Fetched:
        """Take in content that comes from elsewhere, and check it as a fetch does.

        Args:
            name: letters, digits, ``_`` and ``-``.
            chunks: the content; what they raise is raised.
            expected: what the record states.
            max_bytes: greatest size of the content.
            stated_type: MIME type that the record states.
            report: told the bytes so far, four times a second at most.

        Raises:
            FetchError: ``TOO_LARGE`` or a mismatch.
            SpoolFailed: and :class:`SpoolFull`, from the disk.
        """
        check_expected(expected, max_bytes)
        with self.slot(name, expected, max_bytes, report) as slot:
            slot.restart(None)
            slot.fill(chunks)
            return slot.finish(stated_type)

    @contextmanager
    def slot(
        self, name: str, expected: Expected, max_bytes: int, report: Callable[[int], None]
    ) -> Generator["Slot"]:
        """The file of ``name``, for one fetch.

        At the end, finished content is held until it is dropped. What is unfinished stays for a
        later fetch if it can go on with it and the error, if it is a :class:`FetchError`, passes.

        Raises:
            SpoolFailed: from the disk.
        """
        slot = Slot(*self._open(name), expected, max_bytes, report)
        try:
            yield slot
        except BaseException as error:
            lost = isinstance(error, SpoolFailed) or (
                isinstance(error, FetchError) and not error.passes
            )
            slot.close(keep=slot.resumable and not lost)
            raise
        if not slot.finished:
            slot.close(keep=slot.resumable)
            return
        with self._lock:
            self._held.setdefault(name, []).append(slot)

    def drop(self, name: str) -> None:
        """Remove what there is of ``name``, save what another process is busy with.

        Files that cannot be removed are left to :meth:`sweep`.
        """
        with self._lock:
            held = self._held.pop(name, [])
        for slot in held:
            slot.close(keep=False)
        if not held:
            self._remove_idle(self._path(name))

    def close(self) -> None:
        """Let go of finished content that was not dropped; it stays until it is swept."""
        with self._lock:
            held, self._held = self._held, {}
        for slot in (one for slots in held.values() for one in slots):
            slot.close(keep=True)

    def sweep(self, older_than_seconds: float) -> int:
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
                        removed += self._sweep_one(Path(entry.path))
        return removed

    def _sweep_one(self, path: Path) -> bool:
        if sidecar.SUFFIX not in path.name:
            return self._remove_idle(path)
        content = path.with_name(path.name.partition(sidecar.SUFFIX)[0])
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
            _unlink(path)
        finally:
            os.close(handle)
        return True

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for the spool: use letters, digits, _ and -")
        return self._directory / name

    def _open(self, name: str) -> tuple[Path, int, bool]:
        """Path and locked handle of the file for ``name``, and whether a later fetch finds it."""
        path = self._path(name)
        with translated():
            # A drop may remove the file between its opening and its locking: then once more.
            while True:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
                locked = _lock_file(handle, path)
                if locked:
                    return path, handle, True
                os.close(handle)
                if locked is False:
                    break
            own = path.with_name(f"{name}.{secrets.token_hex(8)}")
            handle = os.open(own, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return own, handle, False


class Slot:
    """A locked file of the spool while content comes in.

    Attributes:
        size: bytes that are in the file and in the hashes.
        resumable: whether a later fetch can go on with what is there.
        finished: whether the content is whole and checked.
    """

    def __init__(
        self,
        path: Path,
        handle: int,
        shared: bool,
        expected: Expected,
        max_bytes: int,
        report: Callable[[int], None],
    ) -> None:
        self._path = path
        self._handle = handle
        self._shared = shared
        self._expected = expected
        self._max_bytes = max_bytes
        self._report = report
        self._hashes = hashes_for(expected)
        self.size = 0
        self.resumable = False
        self.finished = False

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
        with translated():
            size = os.fstat(self._handle).st_size
            found = sidecar.read(self._sidecar) if size and self._shared else None
            if found is None or found.url != url:
                return None
            bounds = (self._max_bytes, self._expected.size, found.total)
            if any(bound is not None and size > bound for bound in bounds):
                return None
            self.resumable = True
            os.lseek(self._handle, 0, os.SEEK_SET)
            while piece := os.read(self._handle, _PIECE):
                self._count(piece)
                pause()
        return found

    def restart(self, note: Sidecar | None) -> None:
        """Begin anew, with nothing in the file.

        Args:
            note: what a later fetch may go on by, if it can.

        Raises:
            SpoolFailed: from the disk.
        """
        self.size = 0
        self.resumable = False
        self._hashes = hashes_for(self._expected)
        with translated():
            # In this order, so that old content never stands beside a new note.
            if self._shared:
                self._sidecar.unlink(missing_ok=True)
            os.ftruncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
            if note is not None and note.boot and self._shared and _pays(note):
                sidecar.write(self._sidecar, note)
                self.resumable = True

    def fill(self, chunks: Iterable[bytes]) -> None:
        """Add ``chunks`` to the file.

        Raises:
            FetchError: ``TOO_LARGE`` or ``SIZE_MISMATCH``, as soon as it is seen.
            SpoolFailed: from the disk.
        """
        limit = self._max_bytes
        if self._expected.size is not None:
            limit = min(limit, self._expected.size)
        handle, report = self._handle, self._report
        next_report = time.monotonic()
        for chunk in chunks:
            if self.size + len(chunk) > limit:
                check_limit(self.size + len(chunk), self._max_bytes)
                raise size_mismatch(limit)
            with translated():
                written = os.write(handle, chunk)
                while written < len(chunk):
                    written += os.write(handle, memoryview(chunk)[written:])
            self._count(chunk)
            if (now := time.monotonic()) >= next_report:
                next_report = now + _REPORT_SECONDS
                report(self.size)
        report(self.size)

    def finish(self, stated_type: str | None) -> Fetched:
        """Check the whole content.

        Raises:
            FetchError: a mismatch.
            SpoolFailed: from the disk.
        """
        check_total(self.size, self._expected, self._max_bytes)
        check_hashes(self._hashes, self._expected)
        with translated():
            mime_type = detect(self._handle, stated_type)
        self.finished = True
        return Fetched(
            path=self._path,
            size=self.size,
            sha256=self._hashes["sha256"].hexdigest(),
            mime_type=mime_type,
        )

    def close(self, *, keep: bool) -> None:
        """Let go of the file, and remove it unless it is kept."""
        with suppress(OSError):
            if not keep and self.resumable:
                _unlink(self._path)
            elif not keep:
                self._path.unlink(missing_ok=True)
        # Not left to the closing alone: a child that was forked meanwhile holds the lock too.
        with suppress(OSError):
            fcntl.flock(self._handle, fcntl.LOCK_UN)
        os.close(self._handle)

    @property
    def _sidecar(self) -> Path:
        return self._path.with_name(self._path.name + sidecar.SUFFIX)

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


def _pays(note: Sidecar) -> bool:
    """Whether the content is large enough for going on with it to be worth a note."""
    return note.total is None or note.total > _NOT_WORTH_A_NOTE


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


def _unlink(path: Path) -> None:
    path.with_name(path.name + sidecar.SUFFIX).unlink(missing_ok=True)
    path.unlink(missing_ok=True)
