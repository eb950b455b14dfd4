"""Object storage by URL: synced writes, reads, listing and deletion."""

from everlake.storage.disk_reserve import DiskReserve
from everlake.storage.errors import (
    ObjectMissing,
    ObjectUnreadable,
    StorageError,
    StorageFull,
    StorageUnavailable,
)
from everlake.storage.opening import open_store
from everlake.storage.s3_options import object_store_options
from everlake.storage.store import ObjectStore
from everlake.storage.types import Content, ObjectInfo

__all__ = [
    "Content",
    "DiskReserve",
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
