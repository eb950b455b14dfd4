"""Reserve of free disk space: where it runs short, files are refused first and records last."""

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from everlake.logs import logger
from everlake.storage.errors import StorageFull
from everlake.storage.local_errors import classify

CACHE_SECONDS = 1.0
"""Time for which the free space is taken as it was."""
LARGEST_SHARE = 0.05
"""Part of a file system that is its reserve at most, so that a small one can be used."""
RECORD_SHARE = 0.1
"""Part of the reserve that records leave."""

_log = logger()


class DiskReserve:
    """Free space that is kept on the file systems of some directories; thread-safe.

    Files are refused once less than the reserve is free, records only below a tenth of it. So
    files cannot take the room that records need, and records stop before the database does.

    Args:
        directories: what is written to; they need not exist yet.
        reserve_bytes: space to keep free, of a file system at most :data:`LARGEST_SHARE`; 0: none.
    """

    def __init__(self, directories: Iterable[Path], reserve_bytes: int) -> None:
        self._directories = tuple(dict.fromkeys(directories)) if reserve_bytes else ()
        self._reserve_bytes = reserve_bytes
        self._lock = threading.Lock()
        self._cached_until = 0.0
        self._free_share = float("inf")

    def require_for_files(self) -> None:
        """Check that there is room for uploads and for the files that records refer to.

        Raises:
            StorageFull: less than the reserve is free.
            StorageUnavailable: a file system does not say how much is free.
        """
        if self._is_below(1):
            raise StorageFull(
                "the storage disk is nearly full and takes no more files: free some space and "
                "send again"
            )

    def require_for_records(self) -> None:
        """Check that there is room for records.

        Raises:
            StorageFull: less than a tenth of the reserve is free.
            StorageUnavailable: a file system does not say how much is free.
        """
        if self._is_below(RECORD_SHARE):
            raise StorageFull("the storage disk is nearly full: free some space and send again")

    def _is_below(self, share: float) -> bool:
        if not self._directories:
            return False
        with self._lock:
            if time.monotonic() >= self._cached_until:
                self._measure()
                self._cached_until = time.monotonic() + CACHE_SECONDS
            return self._free_share < share

    def _measure(self) -> None:
        was_low = self._free_share < 1
        self._free_share = min(map(self._free_share_of, self._directories))
        if self._free_share < 1 and not was_low:
            _log.warning(
                "disk nearly full: no more files are taken",
                directories=[str(directory) for directory in self._directories],
                reserve_bytes=self._reserve_bytes,
            )

    def _free_share_of(self, directory: Path) -> float:
        """Return what is free on a directory's file system, as a multiple of its reserve."""
        try:
            status = os.statvfs(_existing(directory))
        except OSError as error:
            raise classify(error, "measure its free space") from error
        reserve = min(self._reserve_bytes, status.f_blocks * status.f_frsize * LARGEST_SHARE)
        # Some network file systems do not know their size.
        return status.f_bavail * status.f_frsize / reserve if reserve else float("inf")


def _existing(directory: Path) -> Path:
    """Return the directory, or the nearest parent that exists: the first object creates it."""
    return next(one for one in (directory, *directory.parents) if one.exists())
