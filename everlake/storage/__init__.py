"""Objects by URL: synced put, get, list, delete."""

from everlake.storage.store import (
    ObjectInfo,
    ObjectMissing,
    ObjectStore,
    ObjectUnreadable,
    StorageError,
    StorageFull,
    StorageUnavailable,
    open_store,
)

__all__ = [
    "ObjectInfo",
    "ObjectMissing",
    "ObjectStore",
    "ObjectUnreadable",
    "StorageError",
    "StorageFull",
    "StorageUnavailable",
    "open_store",
]
