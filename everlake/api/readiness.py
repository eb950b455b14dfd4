"""Readiness: whether database and storage take writes, and the lake's tables are there."""

import threading
import time

from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.lake import Lake, LakeDamaged, LakeError
from everlake.lake.expected_tables import check_present
from everlake.logs import logger
from everlake.storage import DiskReserve, ObjectStore, StorageError

CACHE_SECONDS = 1.0
"""Time for which a result is reused: a check writes and syncs, and the endpoint needs no key."""

LAKE_CACHE_SECONDS = 10.0
"""Time for which the result about the lake is reused: a check of a bucket takes many requests."""
_WORKSPACES = 10
"""Workspaces whose tables are looked for: a lake that is missing is missing for each of them."""

_log = logger()


class ReadinessCheck:
    """Writes to the database and the storage, at most once a second; thread-safe.

    It also looks whether the lake's tables are there, which readers and workers cannot do without.
    """

    def __init__(self, catalog: Catalog, store: ObjectStore, lake: Lake, disk: DiskReserve) -> None:
        self._lake = lake
        self._lake_cached_until = 0.0
        self._lake_failure = ""
        self._catalog = catalog
        self._store = store
        self._disk = disk
        self._lock = threading.Lock()
        self._cached_until = 0.0
        self._failures: dict[str, str] = {}

    def failures(self) -> dict[str, str]:
        """Return what is wrong, by part; empty when nothing is."""
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
        if not failures and time.monotonic() >= self._lake_cached_until:
            self._lake_failure = self._check_lake()
            self._lake_cached_until = time.monotonic() + LAKE_CACHE_SECONDS
        if self._lake_failure:
            failures["lake"] = self._lake_failure
        return failures

    def _check_lake(self) -> str:
        try:
            check_present(self._catalog, self._lake, limit=_WORKSPACES)
        except LakeDamaged as error:
            # The message names files of this machine, and the endpoint needs no key.
            _log.error("lake tables are missing", reason=str(error))
            return "tables are missing; no record is lost: run everlake lake rebuild --all"
        except (LakeError, CatalogError) as error:
            _log.error("lake tables cannot be read", reason=str(error))
            return "the tables cannot be read now"
        return ""
