"""Errors of a local file system as storage errors, by errno (errno(3))."""

import errno
import os

from everlake.storage.errors import ObjectUnreadable, StorageFull, StorageUnavailable

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def classify(error: OSError, verb: str) -> StorageUnavailable:
    """Return the storage error for a failed system call.

    Args:
        error: what the call raised.
        verb: what it was for, such as ``write``.
    """
    if error.errno in _DISK_FULL:
        return StorageFull("the storage disk is full: free some space and send again")
    reason = os.strerror(error.errno) if error.errno else "unknown reason"
    return StorageUnavailable(f"storage could not {verb}: {reason}")


def unreadable(error: OSError) -> ObjectUnreadable:
    """Return the storage error for an object that exists and cannot be read."""
    return ObjectUnreadable(str(classify(error, "read")))
