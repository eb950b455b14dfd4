"""The page in the text format of Prometheus."""

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
from everlake.metrics.process_slots import ProcessSlot
from everlake.metrics.registry import Metrics
from everlake.runtime.process_collector import ProcessCollector
from everlake.runtime.queue_collector import QueueCollector
from everlake.runtime.rebuild_collector import RebuildCollector

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
CACHE_SECONDS = 1.0
"""The page is open to anybody: so many ask, one looks."""


class MetricsExposition:
    """The counts of all processes of this machine, and the queue.

    Args:
        meters: those of this process.
        seat: where they are kept; None where in this process alone.
        catalog: has the queue.
        rebuild_lock: the file that a rebuild of the lake holds.
    """

    def __init__(
        self, metrics: Metrics, slot: ProcessSlot | None, catalog: Catalog, rebuild_lock: Path
    ) -> None:
        self.registry = CollectorRegistry()
        counts = metrics.registry if slot is None else _multiprocess_collector(slot)
        backlog = QueueCollector(catalog)
        for collector in (
            counts,
            backlog,
            RebuildCollector(rebuild_lock, backlog),
            ProcessCollector(slot),
            _BuildCollector(),
        ):
            self.registry.register(collector)
        self._lock = threading.Lock()
        self._until = 0.0
        self._text = b""

    def render(self) -> bytes:
        """The page, no older than a second."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._text = generate_latest(self.registry)
                self._until = time.monotonic() + CACHE_SECONDS
            return self._text


def _multiprocess_collector(seat: ProcessSlot) -> Collector:
    return MultiProcessCollector(None, path=str(seat.directory))


class _BuildCollector(Collector):
    def collect(self) -> Iterable[Metric]:
        """The version of the program."""
        yield InfoMetricFamily(
            "everlake_build", "The version of the program.", {"version": __version__}
        )
