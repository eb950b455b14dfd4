"""Whether this process can do its work."""

import threading
import time

from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.storage import ObjectStore, StorageError

CACHE_SECONDS = 1.0
"""A look writes and syncs, and anybody may ask: so many ask, one looks."""


class ReadinessCheck:
    """Looks at the database and the storage, at most once a second."""

    def __init__(self, catalog: Catalog, store: ObjectStore) -> None:
        self._catalog = catalog
        self._store = store
        self._lock = threading.Lock()
        self._cached_until = 0.0
        self._failures: dict[str, str] = {}

    def failures(self) -> dict[str, str]:
        """What is wrong, by part; empty when the process is ready."""
        with self._lock:
            if time.monotonic() >= self._cached_until:
                self._failures = self._check()
                self._cached_until = time.monotonic() + CACHE_SECONDS
            return self._failures

    def _check(self) -> dict[str, str]:
        faults: dict[str, str] = {}
        try:
            self._catalog.check()
        except CatalogError as error:
            faults["database"] = str(error)
        try:
            self._store.check()
        except StorageError as error:
            faults["storage"] = str(error)
        return faults
