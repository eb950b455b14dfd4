"""The queue as the catalog has it, looked at no more often than it changes much."""

import time
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from everlake.catalog import backlog
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError

REMEMBER_SECONDS = 5.0


class Backlog(Collector):
    """How many batches wait, and for how long."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._until = 0.0
        self._waiting: list[backlog.Waiting] | None = None

    def collect(self) -> Iterable[Metric]:
        """The gauges of the queue; where the catalog does not answer, only that it does not."""
        if time.monotonic() >= self._until:
            self._waiting = self._look()
            self._until = time.monotonic() + REMEMBER_SECONDS
        batches = GaugeMetricFamily(
            "everlake_batches",
            f"Batches in a status that is not the last, counted up to {backlog.MOST:,}.",
            labels=["status"],
        )
        wait = GaugeMetricFamily(
            "everlake_queue_wait_seconds",
            "For how long the first batch in a status could have been taken up.",
            labels=["status"],
        )
        for waiting in self._waiting or ():
            batches.add_metric([waiting.status.value], waiting.batches)
            if waiting.overdue_ms is not None:
                wait.add_metric([waiting.status.value], waiting.overdue_ms / 1000)
        up = GaugeMetricFamily(
            "everlake_catalog_up",
            "Whether the catalog answered when it was asked for the queue.",
            value=float(self._waiting is not None),
        )
        return batches, wait, up

    def _look(self) -> list[backlog.Waiting] | None:
        try:
            with self._catalog.look() as tx:
                return backlog.waiting(tx, now=self._catalog.now_ms())
        except CatalogError:
            return None
