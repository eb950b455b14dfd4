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
from everlake.catalog.engine import Catalog
from everlake.metrics.backlog import Backlog
from everlake.metrics.meters import Meters
from everlake.metrics.processes import Processes
from everlake.metrics.rebuilding import Rebuilding
from everlake.metrics.seats import Seat

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
REMEMBER_SECONDS = 1.0
"""The page is open to anybody: so many ask, one looks."""


class Page:
    """The counts of all processes of this machine, and the queue.

    Args:
        meters: those of this process.
        seat: where they are kept; None where in this process alone.
        catalog: has the queue.
        rebuild_lock: the file that a rebuild of the lake holds.
    """

    def __init__(
        self, meters: Meters, seat: Seat | None, catalog: Catalog, rebuild_lock: Path
    ) -> None:
        self.registry = CollectorRegistry()
        counts = meters.registry if seat is None else _shared(seat)
        backlog = Backlog(catalog)
        for collector in (
            counts,
            backlog,
            Rebuilding(rebuild_lock, backlog),
            Processes(seat),
            _Build(),
        ):
            self.registry.register(collector)
        self._lock = threading.Lock()
        self._until = 0.0
        self._text = b""

    def text(self) -> bytes:
        """The page, no older than a second."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._text = generate_latest(self.registry)
                self._until = time.monotonic() + REMEMBER_SECONDS
            return self._text


def _shared(seat: Seat) -> Collector:
    return MultiProcessCollector(None, path=str(seat.folder))


class _Build(Collector):
    def collect(self) -> Iterable[Metric]:
        """The version of the program."""
        yield InfoMetricFamily(
            "everlake_build", "The version of the program.", {"version": __version__}
        )
