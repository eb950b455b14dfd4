"""Rebuild metric: whether another process rebuilds the lake's tables."""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from everlake import files
from everlake.runtime.queue_collector import QueueCollector


class RebuildCollector(Collector):
    """Collects whether a rebuild runs: on this machine, or anywhere on tables in a bucket.

    Args:
        lock: the file that a rebuild on this machine locks; it need not exist.
        queue_collector: has read from the catalog whether a rebuild holds a lease.
    """

    def __init__(self, lock: Path, queue_collector: QueueCollector) -> None:
        self._lock = lock
        self._queue_collector = queue_collector

    def collect(self) -> Iterable[Metric]:
        """Yield one gauge without labels."""
        yield GaugeMetricFamily(
            "everlake_lake_rebuild_running",
            "Whether everlake lake rebuild is running.",
            value=float(files.is_locked(self._lock) or self._queue_collector.rebuild_lease_held),
        )
