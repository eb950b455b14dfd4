"""One lake writer a workspace, over all workers."""

import threading
from typing import TypedDict

from everlake.catalog import leases
from everlake.catalog.engine import Catalog, Connection
from everlake.catalog.leases import Lease
from everlake.metrics import Meters

_PREFIX = "lake/"
_SAFE_SHARE = 0.5
"""A lease is used for this share of its time since the last renewal, and not to its very end."""


class _Claim(TypedDict):
    owner: str
    now: int
    ttl_ms: int


class WriterLost(Exception):
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
        self, catalog: Catalog, owner: str, ttl_ms: int, meters: Meters | None = None
    ) -> None:
        self._catalog = catalog
        self._owner = owner
        self._ttl_ms = ttl_ms
        self._meters = meters or Meters()
        self._lock = threading.Lock()
        self._held: dict[str, Lease] = {}

    def hold(self, workspace_id: str) -> None:
        """Take or keep the right to write.

        Raises:
            WriterLost: another worker has it.
        """
        with self._lock:
            held = self._held.get(workspace_id)
            now = self._catalog.now_ms()
            if held is not None and now < held.until - self._ttl_ms * (1 - _SAFE_SHARE):
                return
            with self._catalog.write() as tx:
                before = None if held else leases.owner_of(tx, _name(workspace_id))
                lease = leases.acquire(tx, _name(workspace_id), **self._claim())
            if lease is None:
                self._held.pop(workspace_id, None)
                raise WriterLost(workspace_id)
            self._meters.stole("writer", int(before not in {None, self._owner}))
            self._held[workspace_id] = lease

    def seize(self, workspace_id: str) -> None:
        """Take the right to write from whoever has it.

        To be used only by who keeps the other from writing in some other way as well, since it
        goes on for as long as it believes that it has the right.
        """
        with self._lock, self._catalog.write() as tx:
            self._held[workspace_id] = leases.seize(tx, _name(workspace_id), **self._claim())

    def of_others(self, tx: Connection) -> set[str]:
        """The workspaces that another worker writes."""
        return leases.of_others(tx, _PREFIX, owner=self._owner, now=self._catalog.now_ms())

    def held(self) -> list[str]:
        """The workspaces that this worker writes."""
        with self._lock:
            return list(self._held)

    def renew(self) -> None:
        """Keep every lease; forget those that another has taken."""
        with self._lock:
            if not self._held:
                return
            kept: dict[str, Lease] = {}
            with self._catalog.write() as tx:
                for workspace_id, lease in self._held.items():
                    again = leases.acquire(tx, lease.name, **self._claim())
                    if again is not None and again.fence == lease.fence:
                        kept[workspace_id] = again
            self._held = kept

    def _claim(self) -> _Claim:
        return {"owner": self._owner, "now": self._catalog.now_ms(), "ttl_ms": self._ttl_ms}

    def release(self) -> None:
        """Give all of them up."""
        with self._lock:
            if self._held:
                with self._catalog.write() as tx:
                    for lease in self._held.values():
                        leases.release(tx, lease)
            self._held = {}


def _name(workspace_id: str) -> str:
    return _PREFIX + workspace_id
