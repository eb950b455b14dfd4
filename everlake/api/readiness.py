"""Readiness: whether the database and the storage take writes, and records have room."""

import threading
import time

from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.storage import DiskReserve, ObjectStore, StorageError

CACHE_SECONDS = 1.0
"""Time for which a result is reused: a check writes and syncs, and the endpoint needs no key."""


class ReadinessCheck:
    """Writes to the database and the storage, at most once a second; thread-safe."""

    def __init__(self, catalog: Catalog, store: ObjectStore, disk: DiskReserve) -> None:
        self._catalog = catalog
        self._store = store
        self._disk = disk
        self._lock = threading.Lock()
        self._cached_until = 0.0
        self._failures: dict[str, str] = {}

    def failures(self) -> dict[str, str]:
        """Return what is wrong, by part; empty when both take writes."""
        with self._lock:
            if time.monotonic() >= self._cached_until:
                self._failures = self._check()
                self._cached_until = time.monotonic() + CACHE_SECONDS
            return self._failures

    def _check(self) -> dict[str, str]:
        failures: dict[str, str] = {}
        try:
            self._catalog.check_writable()
        except CatalogError as error:
            failures["database"] = str(error)
        try:
            self._disk.require_for_records()
            self._store.check()
        except StorageError as error:
            failures["storage"] = str(error)
        return failures
