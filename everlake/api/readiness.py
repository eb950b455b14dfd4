"""Whether this process can do its work."""

import threading
import time

from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.storage import ObjectStore, StorageError

REMEMBER_SECONDS = 1.0
"""A look writes and syncs, and anybody may ask: so many ask, one looks."""


class Readiness:
    """Looks at the database and the storage, at most once a second."""

    def __init__(self, catalog: Catalog, store: ObjectStore) -> None:
        self._catalog = catalog
        self._store = store
        self._lock = threading.Lock()
        self._until = 0.0
        self._faults: dict[str, str] = {}

    def faults(self) -> dict[str, str]:
        """What is wrong, by part; empty when the process is ready."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._faults = self._look()
                self._until = time.monotonic() + REMEMBER_SECONDS
            return self._faults

    def _look(self) -> dict[str, str]:
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
