"""Whether the lake's tables are being made again, which another process does."""

import fcntl
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from everlake.runtime.queue_collector import QueueCollector


class RebuildCollector(Collector):
    """Looks at what a rebuild holds: a lock of this machine's, and a lease for tables in a bucket.

    Args:
        lock: the lock's file, which need not be there.
        backlog: has seen the catalog, where the lease is.
    """

    def __init__(self, lock: Path, queue_collector: QueueCollector) -> None:
        self._lock = lock
        self._backlog = queue_collector

    def collect(self) -> Iterable[Metric]:
        """One gauge without labels."""
        yield GaugeMetricFamily(
            "everlake_lake_rebuild_running",
            "Whether everlake lake rebuild is at work on the lake.",
            value=float(self._is_lock_held() or self._backlog.rebuild_lease_held),
        )

    def _is_lock_held(self) -> bool:
        try:
            with self._lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False
