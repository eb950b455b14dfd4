"""Metrics of a machine in the text exposition format of Prometheus."""

import threading
import time
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from everlake import __version__
from everlake.catalog.database import Catalog
from everlake.metrics import Metrics, ProcessSlot
from everlake.runtime.process_collector import ProcessCollector
from everlake.runtime.queue_collector import QueueCollector
from everlake.runtime.rebuild_collector import RebuildCollector

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
CACHE_SECONDS = 1.0
"""Anybody may request the metrics, and each collection asks the catalog."""


class MetricsExposition:
    """Renders the metrics of all processes of this machine and of the queue; thread-safe.

    Args:
        metrics: the metrics of this process.
        slot: its slot; None when its metrics are its own.
        catalog: has the queue.
        rebuild_lock: the file that a rebuild on this machine locks.
    """

    def __init__(
        self, metrics: Metrics, slot: ProcessSlot | None, catalog: Catalog, rebuild_lock: Path
    ) -> None:
        self.registry = CollectorRegistry()
        counts = (
            metrics.registry
            if slot is None
            else MultiProcessCollector(None, path=str(slot.directory))
        )
        queue = QueueCollector(catalog)
        for collector in (
            counts,
            queue,
            RebuildCollector(rebuild_lock, queue),
            ProcessCollector(slot),
            _BuildCollector(),
        ):
            self.registry.register(collector)
        self._lock = threading.Lock()
        self._expires_at = 0.0
        self._text = b""

    def render(self) -> bytes:
        """Return the metrics as text, at most a second old."""
        with self._lock:
            if time.monotonic() >= self._expires_at:
                self._text = generate_latest(self.registry)
                self._expires_at = time.monotonic() + CACHE_SECONDS
            return self._text


class _BuildCollector(Collector):
    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily(
            "everlake_build", "Version of the program.", {"version": __version__}
        )
