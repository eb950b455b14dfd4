"""One lake writer a workspace, over all workers."""

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
"""A lease is used for this share of its time since the last renewal, and not to its very end."""


class _LeaseArguments(TypedDict):
    owner: str
    now: int
    ttl_ms: int


class WriterLeaseLost(Exception):
    """Another worker writes this workspace's lake now; leave it alone and try later."""


class WriterLeases:
    """The workspaces whose lake tables this worker may write.

    Args:
        catalog: where the leases lie.
        owner: this worker's name.
        ttl_ms: milliseconds a lease holds without renewal.
        meters: count what is taken over; of its own where left out.
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
        """Have the right to write for the length of a block.

        It is kept after the block, until this worker writes another workspace: then others may
        have the ones that it does not use, so that all share the work.

        Raises:
            WriterLost: another worker has it.
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
        """Take or keep the right to write, and give up those that are not used.

        Raises:
            WriterLost: another worker has it.
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
                # Everybody takes rows in the same order, so that no two wait for each other.
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
        """Take the right to write from whoever has it.

        To be used only by who keeps the other from writing in some other way as well, since it
        goes on for as long as it believes that it has the right.
        """
        with self._lock, self._catalog.transaction() as tx:
            self._held[workspace_id] = leases.seize(
                tx, _lease_name(workspace_id), **self._lease_arguments()
            )

    def lease(self, workspace_id: str) -> Lease | None:
        """The right to write the workspace's tables, as far as this worker knows."""
        with self._lock:
            return self._held.get(workspace_id)

    def held_by_others(self, tx: Connection) -> set[str]:
        """The workspaces that another worker writes."""
        return leases.names_held_by_others(
            tx, _LEASE_PREFIX, owner=self._owner, now=self._catalog.now_ms()
        )

    def held_workspaces(self) -> list[str]:
        """The workspaces that this worker writes."""
        with self._lock:
            return list(self._held)

    def mark_written(self, workspace_id: str) -> None:
        """Remember that this worker has written to the workspace's tables."""
        with self._lock:
            self._written_at[workspace_id] = self._catalog.now_ms()

    def recently_written(self) -> list[str]:
        """The workspaces that this worker has written in the last quarter of an hour.

        So long it may take until what its merges left is old enough to be tidied away.
        """
        with self._lock:
            since = self._catalog.now_ms() - _RECENTLY_WRITTEN_MS
            self._written_at = {one: at for one, at in self._written_at.items() if at >= since}
            return list(self._written_at)

    def renew(self) -> None:
        """Keep every lease; forget those that another has taken."""
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
        """Give all of them up."""
        with self._lock:
            if self._held:
                with self._catalog.transaction() as tx:
                    for _, lease in sorted(self._held.items()):
                        leases.release(tx, lease)
            self._held = {}


def _lease_name(workspace_id: str) -> str:
    return _LEASE_PREFIX + workspace_id
