"""What is thrown away after its time: by one worker of all that share a catalog."""

from contextlib import suppress

from everlake.attachments import sweeping
from everlake.catalog import leases
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.leases import Lease
from everlake.settings import Settings
from everlake.storage import ObjectStore
from everlake.worker import housekeeping

SWEEP_SECONDS = 300.0
"""From one turn to the next."""

_LEASE = "janitor"
_TTL_MS = int(2 * SWEEP_SECONDS * 1000)
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
        self._seen = ""

    def turn(self) -> bool:
        """One round; False where it is another worker's business.

        Raises:
            CatalogError, StorageError: it cannot be done now, and the next round does it.
        """
        now = self._catalog.now_ms()
        with self._catalog.write() as tx:
            self._lease = leases.acquire(tx, _LEASE, owner=self._owner, now=now, ttl_ms=_TTL_MS)
        if self._lease is None:
            return False
        min_age_ms = int(self._settings.orphan_seconds * 1000)
        housekeeping.sweep(self._catalog, self._store, min_age_ms)
        sweeping.forget_expired(self._catalog, self._store)
        sweeping.sweep(self._catalog, self._store)
        housekeeping.forget_answers(self._catalog, self._settings.keep_idempotency_hours)
        if self._settings.keep_refused_days:
            self._seen = housekeeping.forget_refused(
                self._catalog, self._store, self._settings.keep_refused_days, self._seen
            )
        return True

    def leave(self) -> None:
        """Let another worker do it."""
        if self._lease is not None:
            with suppress(CatalogError), self._catalog.write() as tx:  # else it runs out
                leases.release(tx, self._lease)
            self._lease = None
