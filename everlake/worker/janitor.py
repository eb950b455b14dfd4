"""Janitor: periodic garbage collection, by one worker of all that share a catalog."""

from contextlib import suppress

from everlake.attachments.uploads import garbage_collection as uploads_garbage_collection
from everlake.catalog import jobs, leases, texts
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.leases import Lease
from everlake.logs import logger
from everlake.settings import Settings
from everlake.storage import ObjectStore
from everlake.worker import garbage_collection

INTERVAL_SECONDS = 300.0
"""Time between two rounds."""

_LEASE_NAME = "janitor"
_LEASE_TTL_MS = int(2 * INTERVAL_SECONDS * 1000)
"""Long, since a round may list a whole archive. Two rounds at once would do no harm."""

_MISSING_JOBS = 1_000
"""Jobs that are enqueued in one transaction."""

_log = logger()


class Janitor:
    """Quarantines orphaned objects, enqueues missing jobs, and deletes what has expired.

    Args:
        settings: how long that is.
        catalog: has the lease, and what is deleted.
        store: the archive, and contents of attachments and uploads.
        owner: this worker's name.
    """

    def __init__(
        self, settings: Settings, catalog: Catalog, store: ObjectStore, owner: str
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._owner = owner
        self._lease: Lease | None = None
        self._rejected_done_until = ""

    def run_once(self) -> bool:
        """Run one round; return False when another worker holds the lease.

        Raises:
            CatalogError, StorageError: something cannot be deleted now; the next round does it.
        """
        now = self._catalog.now_ms()
        with self._catalog.transaction() as tx:
            self._lease = leases.acquire(
                tx, _LEASE_NAME, owner=self._owner, now=now, ttl_ms=_LEASE_TTL_MS
            )
        if self._lease is None:
            return False
        min_age_ms = int(self._settings.retention.orphan_seconds * 1000)
        garbage_collection.quarantine_orphans(self._catalog, self._store, min_age_ms)
        self._enqueue_missing_jobs()
        uploads_garbage_collection.delete_expired(self._catalog, self._store)
        uploads_garbage_collection.delete_orphans(self._catalog, self._store)
        garbage_collection.delete_expired_responses(
            self._catalog, self._settings.retention.idempotency_hours
        )
        if self._settings.retention.rejected_days:
            self._rejected_done_until = garbage_collection.delete_expired_rejected(
                self._catalog,
                self._store,
                self._settings.retention.rejected_days,
                self._rejected_done_until,
            )
        return True

    def _enqueue_missing_jobs(self) -> None:
        while True:
            now = self._catalog.now_ms()
            with self._catalog.autocommit() as tx:
                missing = texts.find_without_job(tx, limit=_MISSING_JOBS, now=now)
            if missing:
                with self._catalog.transaction() as tx:
                    jobs.enqueue(tx, missing, now=now, restart_existing=False)
                _log.warning("enqueued missing jobs of texts", jobs=len(missing))
            if len(missing) < _MISSING_JOBS:
                return

    def release(self) -> None:
        """Release the lease, so that another worker can run the next round."""
        if self._lease is not None:
            with suppress(CatalogError), self._catalog.transaction() as tx:  # else it expires
                leases.release(tx, self._lease)
            self._lease = None
