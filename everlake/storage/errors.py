"""Errors of object stores. Each message tells its reader what to do."""


class StorageError(Exception):
    """Base class of the errors of object stores."""


class StorageUnavailable(StorageError):
    """The storage does not answer, or rejects the request; the same call may succeed later."""


class StorageFull(StorageUnavailable):
    """The storage has no space left."""


class ObjectMissing(StorageError):
    """There is no object at the path."""


class ObjectUnreadable(StorageUnavailable):
    """This object cannot be read, although the storage answers."""


def object_missing(path: str) -> ObjectMissing:
    """Return the error for a path without an object."""
    return ObjectMissing(f"there is no object at {path}")


def object_changed(path: str) -> ObjectUnreadable:
    """Return the error for an object that was replaced or truncated during a read."""
    return ObjectUnreadable(f"storage could not read: {path} changed while it was read")


def file_missing(path: str) -> StorageError:
    """Return the error for a file to import that is missing, like the object at ``path``."""
    return StorageError(f"the file for {path} is not there")


def stopped() -> StorageUnavailable:
    """Return the error for a call that ended early because its ``stop`` event was set."""
    return StorageUnavailable("storage could not write: the process is stopping: send again later")
