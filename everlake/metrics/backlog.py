"""The queue as the catalog has it, looked at no more often than it changes much."""

import threading
import time
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from everlake.catalog import backlog, leases
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.logs import logger

REMEMBER_SECONDS = 5.0
PATIENCE_SECONDS = 2.0
"""A catalog that hangs must not keep the page: supervisors ask for it too."""

_log = logger()


class Backlog(Collector):
    """How many batches wait, and for how long. One thread at a time may collect."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._look: threading.Thread | None = None
        self._until = 0.0
        self._waiting: list[backlog.Waiting] | None = None
        self._files = backlog.WaitingFiles(0, 0)
        self.is_rebuilding = False
        """Whether, when it was last asked, somebody made tables in a bucket anew."""

    def collect(self) -> Iterable[Metric]:
        """The gauges of the queue; where the catalog does not answer, only that it does not."""
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
        found = self._remembered()
        for waiting in found or ():
            batches.add_metric([waiting.status.value], waiting.batches)
            if waiting.overdue_ms is not None:
                wait.add_metric([waiting.status.value], waiting.overdue_ms / 1000)
        files = GaugeMetricFamily(
            "everlake_attachments_waiting",
            f"Attachments that are still to be fetched or read, counted up to {backlog.MOST:,}.",
            labels=["step"],
        )
        if found is not None:
            files.add_metric(["fetch"], self._files.fetch)
            files.add_metric(["read"], self._files.read)
        up = GaugeMetricFamily(
            "everlake_catalog_up",
            "Whether the catalog answered when it was asked for the queue.",
            value=float(found is not None),
        )
        return batches, wait, files, up

    def _remembered(self) -> list[backlog.Waiting] | None:
        if self._look is None and time.monotonic() >= self._until:
            self._look = threading.Thread(target=self._ask, name="backlog", daemon=True)
            self._look.start()
        if self._look is not None:
            self._look.join(PATIENCE_SECONDS)
            if self._look.is_alive():
                return None
            self._look = None
        return self._waiting

    def _ask(self) -> None:
        try:
            with self._catalog.look() as tx:
                now = self._catalog.now_ms()
                self._waiting = backlog.waiting(tx, now=now)
                self._files = backlog.waiting_files(tx)
                self.is_rebuilding = leases.is_any_held(tx, "rebuild/", now=now)
        except CatalogError:
            self._waiting = None
        except Exception:  # noqa: BLE001 - the page goes on
            _log.exception("the queue cannot be counted")
            self._waiting = None
        self._until = time.monotonic() + REMEMBER_SECONDS
