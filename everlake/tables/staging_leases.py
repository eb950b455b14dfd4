"""Staging leases: one maker of a workspace's next tables, over all machines."""

import os
import secrets
import socket

from everlake.catalog import leases
from everlake.catalog.database import Catalog
from everlake.catalog.leases import Lease

LEASE_MS = 30_000
PROCESS_NAME = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


class StagingLeases:
    """The staging leases of this process.

    A lease is renewed only while its fence is unchanged: where another process has held it since,
    that one may have started to make tables of its own.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._fences: dict[str, int] = {}

    def acquire(self, workspace_id: str) -> bool:
        """Acquire the lease of a workspace; return whether it worked."""
        lease = self._acquire(workspace_id)
        if lease is None:
            return False
        self._fences[workspace_id] = lease.fence
        return True

    def lease(self, workspace_id: str) -> Lease | None:
        """Renew and return the lease; None if it was not acquired, or another has held it since."""
        if workspace_id not in self._fences:
            return None
        lease = self._acquire(workspace_id)
        if lease is None or lease.fence == self._fences[workspace_id]:
            return lease
        with self._catalog.transaction() as tx:
            leases.release(tx, lease)
        return None

    def release(self, workspace_id: str) -> None:
        """Release the lease, if this process holds it."""
        lease = self.lease(workspace_id)
        self._fences.pop(workspace_id, None)
        if lease is not None:
            with self._catalog.transaction() as tx:
                leases.release(tx, lease)

    def _acquire(self, workspace_id: str) -> Lease | None:
        with self._catalog.transaction() as tx:
            return leases.acquire(
                tx,
                f"rebuild/{workspace_id}",
                owner=PROCESS_NAME,
                now=self._catalog.now_ms(),
                ttl_ms=LEASE_MS,
            )
