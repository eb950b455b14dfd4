"""Objects by URL: synced put, get, stream, list, delete."""

from everlake.storage.s3_options import object_store_options
from everlake.storage.store import (
    Content,
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
    "Content",
    "ObjectInfo",
    "ObjectMissing",
    "ObjectStore",
    "ObjectUnreadable",
    "StorageError",
    "StorageFull",
    "StorageUnavailable",
    "object_store_options",
    "open_store",
]
