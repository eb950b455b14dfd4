"""Theoretical arrival times of the rate limit: in this process, or in a file for all processes."""

import hashlib
import os
import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from everlake import files

_ENTRY = struct.Struct("=16sd")
"""Digest of a key's id, and its time."""
_ENTRIES_PER_PAGE = 16
_PAGE_BYTES = _ENTRY.size * _ENTRIES_PER_PAGE
_PAGE_COUNT = 256
_LOCK_ATTEMPTS = 200


class ArrivalTimes:
    """A time for each key, in this process."""

    def __init__(self) -> None:
        self._times: dict[str, float] = {}

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """Exclude other processes for the length of a block."""
        yield

    def get(self, key_id: str, now: float) -> float:
        """Return the key's time, or ``now`` when none is stored."""
        return self._times.get(key_id, now)

    def put(self, key_id: str, time: float, now: float) -> None:  # noqa: ARG002 - see FileArrivalTimes
        """Store the key's time."""
        self._times[key_id] = time


class FileArrivalTimes(ArrivalTimes):
    """A time for each key, in a file that the API processes of a machine share.

    The file has pages of a few entries; the digest of a key's id determines its page. It is read
    and written, not mapped: a full disk is then an error and does not end the process.

    Args:
        file: created when missing.

    Raises:
        OSError: the file cannot be created, read or written; the methods raise it as well.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._descriptor).st_size != _PAGE_BYTES * _PAGE_COUNT:
            os.truncate(self._descriptor, 0)
            os.pwrite(self._descriptor, bytes(_PAGE_BYTES * _PAGE_COUNT), 0)
        self._digests: dict[str, bytes] = {}

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """Exclude other processes, unless one of them stands still while it holds the lock."""
        is_locked = self._try_lock()
        try:
            yield
        finally:
            if is_locked:
                files.unlock(self._descriptor)

    def get(self, key_id: str, now: float) -> float:
        """Return the key's time, or ``now`` when none is stored."""
        digest, _, entries = self._read_page(key_id)
        return dict(reversed(entries)).get(digest, now)

    def put(self, key_id: str, time: float, now: float) -> None:
        """Store the key's time, over its last one, over a past one, or over the earliest."""
        digest, start, entries = self._read_page(key_id)
        digests = [owner for owner, _ in entries]
        if digest in digests:
            position = digests.index(digest)
        else:
            position = min(range(_ENTRIES_PER_PAGE), key=lambda entry: max(entries[entry][1], now))
        os.pwrite(self._descriptor, _ENTRY.pack(digest, time), start + position * _ENTRY.size)

    def _try_lock(self) -> bool:
        """Lock the file; other processes hold it for microseconds."""
        for _ in range(_LOCK_ATTEMPTS):
            if files.try_lock(self._descriptor):
                return True
            os.sched_yield()
        return False

    def _read_page(self, key_id: str) -> tuple[bytes, int, list[tuple[bytes, float]]]:
        """Return the key's digest, the offset of its page, and the page's entries."""
        digest = self._digests.get(key_id)
        if digest is None:
            digest = hashlib.blake2b(key_id.encode(), digest_size=16).digest()
            self._digests[key_id] = digest
        start = digest[0] * _PAGE_BYTES
        page = os.pread(self._descriptor, _PAGE_BYTES, start)
        return digest, start, [*_ENTRY.iter_unpack(page)]
