"""Objects by URL: synced put, get, stream, list, delete."""

from everlake.storage.s3_options import engine_options
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
    "engine_options",
    "open_store",
]
