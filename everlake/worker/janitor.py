"""What is thrown away after its time: by one worker of all that share a catalog."""

from contextlib import suppress

from everlake.attachments.uploads import garbage_collection
from everlake.catalog import leases
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.leases import Lease
from everlake.settings import Settings
from everlake.storage import ObjectStore
from everlake.worker import maintenance

INTERVAL_SECONDS = 300.0
"""From one turn to the next."""

_LEASE_NAME = "janitor"
_LEASE_TTL_MS = int(2 * INTERVAL_SECONDS * 1000)
"""Long, since a turn may list a whole archive. Were there two at once, they would do no harm."""


class Janitor:
    """Sweeps the archive, and forgets what has been kept for as long as the settings say.

    Args:
        settings: how long that is.
        catalog: has the lease as well.
        store: the archive.
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
        """One round; False where it is another worker's business.

        Raises:
            CatalogError, StorageError: it cannot be done now, and the next round does it.
        """
        now = self._catalog.now_ms()
        with self._catalog.transaction() as tx:
            self._lease = leases.acquire(
                tx, _LEASE_NAME, owner=self._owner, now=now, ttl_ms=_LEASE_TTL_MS
            )
        if self._lease is None:
            return False
        min_age_ms = int(self._settings.orphan_seconds * 1000)
        maintenance.quarantine_orphans(self._catalog, self._store, min_age_ms)
        garbage_collection.delete_expired(self._catalog, self._store)
        garbage_collection.delete_orphans(self._catalog, self._store)
        maintenance.delete_expired_responses(self._catalog, self._settings.keep_idempotency_hours)
        if self._settings.keep_refused_days:
            self._rejected_done_until = maintenance.delete_expired_rejected(
                self._catalog,
                self._store,
                self._settings.keep_refused_days,
                self._rejected_done_until,
            )
        return True

    def release(self) -> None:
        """Let another worker do it."""
        if self._lease is not None:
            with suppress(CatalogError), self._catalog.transaction() as tx:  # else it runs out
                leases.release(tx, self._lease)
            self._lease = None
