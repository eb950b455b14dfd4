"""Writer leases: one writer of a workspace's tables, over all workers."""

import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import TypedDict

from everlake.catalog import leases
from everlake.catalog.database import Catalog, Connection
from everlake.catalog.leases import Lease
from everlake.metrics import Metrics

_LEASE_PREFIX = "lake/"
_RECENTLY_WRITTEN_MS = 15 * 60_000
_SAFE_FRACTION = 0.5
"""Share of its duration for which a lease is used before it is renewed."""


class _LeaseArguments(TypedDict):
    owner: str
    now: int
    ttl_ms: int


class WriterLeaseLost(Exception):
    """Another worker holds the lease of the workspace. Try again later."""


class WriterLeases:
    """Writer leases of one worker.

    Args:
        catalog: holds the leases.
        owner: the worker's name.
        ttl_ms: milliseconds that a lease lasts without renewal.
        metrics: counts leases taken over from other workers.
    """

    def __init__(
        self, catalog: Catalog, owner: str, ttl_ms: int, metrics: Metrics | None = None
    ) -> None:
        self._catalog = catalog
        self._owner = owner
        self._ttl_ms = ttl_ms
        self._metrics = metrics or Metrics()
        self._lock = threading.Lock()
        self._held: dict[str, Lease] = {}
        self._in_use: Counter[str] = Counter()
        self._written_at: dict[str, int] = {}

    @property
    def owner(self) -> str:
        """The worker's name."""
        return self._owner

    @contextmanager
    def holding(self, workspace_id: str) -> Generator[None]:
        """Hold the lease of a workspace for the length of a block.

        The lease is kept after the block, until this worker acquires that of another workspace:
        then it releases the ones that it does not use, so that all workers share the work.

        Raises:
            WriterLeaseLost: another worker holds it.
        """
        with self._lock:
            self._in_use[workspace_id] += 1
        try:
            self.acquire(workspace_id)
            yield
        finally:
            with self._lock:
                self._in_use[workspace_id] -= 1

    def acquire(self, workspace_id: str) -> None:
        """Acquire or renew the lease of a workspace, and release unused ones of others.

        Raises:
            WriterLeaseLost: another worker holds it.
        """
        with self._lock:
            lease = self._held.get(workspace_id)
            now = self._catalog.now_ms()
            fresh = lease is not None and now < lease.until - self._ttl_ms * (1 - _SAFE_FRACTION)
            spare = {
                one: self._held.pop(one)
                for one in list(self._held)
                if one != workspace_id and not self._in_use[one]
            }
            if fresh and not spare:
                return
            with self._catalog.transaction() as tx:
                before = None if lease else leases.get_owner(tx, _lease_name(workspace_id))
                # All workers lock rows in the same order, so there is no deadlock.
                for one in sorted({workspace_id, *spare}):
                    if one in spare:
                        leases.release(tx, spare[one])
                    elif not fresh:
                        lease = leases.acquire(tx, _lease_name(one), **self._lease_arguments())
            if lease is None:
                self._held.pop(workspace_id, None)
                raise WriterLeaseLost(workspace_id)
            self._metrics.count_lease_takeovers("writer", int(before not in {None, self._owner}))
            self._held[workspace_id] = lease

    def force_acquire(self, workspace_id: str) -> None:
        """Take the lease of a workspace from its holder.

        The holder goes on writing until it notices, so the caller must keep it from writing in
        another way as well.
        """
        with self._lock, self._catalog.transaction() as tx:
            self._held[workspace_id] = leases.seize(
                tx, _lease_name(workspace_id), **self._lease_arguments()
            )

    def lease(self, workspace_id: str) -> Lease | None:
        """Return the lease of a workspace, as far as this worker knows; None if it has none."""
        with self._lock:
            return self._held.get(workspace_id)

    def held_by_others(self, tx: Connection) -> set[str]:
        """Return the workspaces whose lease another worker holds."""
        return leases.names_held_by_others(
            tx, _LEASE_PREFIX, owner=self._owner, now=self._catalog.now_ms()
        )

    def held_workspaces(self) -> list[str]:
        """Return the workspaces whose lease this worker holds."""
        with self._lock:
            return list(self._held)

    def mark_written(self, workspace_id: str) -> None:
        """Record that this worker has written to the workspace's tables."""
        with self._lock:
            self._written_at[workspace_id] = self._catalog.now_ms()

    def recently_written(self) -> list[str]:
        """Return the workspaces that this worker has written to in the last 15 minutes.

        Versions left by its merges may become old enough to be removed within this time.
        """
        with self._lock:
            since = self._catalog.now_ms() - _RECENTLY_WRITTEN_MS
            self._written_at = {one: at for one, at in self._written_at.items() if at >= since}
            return list(self._written_at)

    def renew(self) -> None:
        """Renew all leases, and drop those that another worker has taken."""
        with self._lock:
            if not self._held:
                return
            kept: dict[str, Lease] = {}
            with self._catalog.transaction() as tx:
                for workspace_id, lease in sorted(self._held.items()):
                    again = leases.acquire(tx, lease.name, **self._lease_arguments())
                    if again is not None and again.fence == lease.fence:
                        kept[workspace_id] = again
            self._held = kept

    def _lease_arguments(self) -> _LeaseArguments:
        return {"owner": self._owner, "now": self._catalog.now_ms(), "ttl_ms": self._ttl_ms}

    def release_all(self) -> None:
        """Release all leases."""
        with self._lock:
            if self._held:
                with self._catalog.transaction() as tx:
                    for _, lease in sorted(self._held.items()):
                        leases.release(tx, lease)
            self._held = {}


def _lease_name(workspace_id: str) -> str:
    return _LEASE_PREFIX + workspace_id
