"""The queue as the catalog has it, looked at no more often than it changes much."""

import threading
import time
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from everlake.catalog import backlog, leases
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.logs import logger

CACHE_SECONDS = 5.0
QUERY_TIMEOUT = 2.0
"""A catalog that hangs must not keep the page: supervisors ask for it too."""

_log = logger()


class QueueCollector(Collector):
    """How many batches wait, and for how long. One thread at a time may collect."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._query_thread: threading.Thread | None = None
        self._expires_at = 0.0
        self._statuses: list[backlog.BatchBacklog] | None = None
        self._files = backlog.AttachmentBacklog(0, 0)
        self.rebuild_lease_held = False
        """Whether, when it was last asked, somebody made tables in a bucket anew."""

    def collect(self) -> Iterable[Metric]:
        """The gauges of the queue; where the catalog does not answer, only that it does not."""
        batches = GaugeMetricFamily(
            "everlake_batches",
            f"Batches in a status that is not the last, counted up to {backlog.COUNT_LIMIT:,}.",
            labels=["status"],
        )
        wait = GaugeMetricFamily(
            "everlake_queue_wait_seconds",
            "For how long the first batch in a status could have been taken up.",
            labels=["status"],
        )
        found = self._cached()
        for waiting in found or ():
            batches.add_metric([waiting.status.value], waiting.batches)
            if waiting.overdue_ms is not None:
                wait.add_metric([waiting.status.value], waiting.overdue_ms / 1000)
        files = GaugeMetricFamily(
            "everlake_attachments_waiting",
            f"Attachments that are still to be fetched or read, counted up to {backlog.COUNT_LIMIT:,}.",
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

    def _cached(self) -> list[backlog.BatchBacklog] | None:
        if self._query_thread is None and time.monotonic() >= self._expires_at:
            self._query_thread = threading.Thread(target=self._query, name="backlog", daemon=True)
            self._query_thread.start()
        if self._query_thread is not None:
            self._query_thread.join(QUERY_TIMEOUT)
            if self._query_thread.is_alive():
                return None
            self._query_thread = None
        return self._statuses

    def _query(self) -> None:
        try:
            with self._catalog.autocommit() as tx:
                now = self._catalog.now_ms()
                self._statuses = backlog.batch_backlog(tx, now=now)
                self._files = backlog.attachment_backlog(tx)
                self.rebuild_lease_held = leases.any_held(tx, "rebuild/", now=now)
        except CatalogError:
            self._statuses = None
        except Exception:  # noqa: BLE001 - the page goes on
            _log.exception("the queue cannot be counted")
            self._statuses = None
        self._expires_at = time.monotonic() + CACHE_SECONDS
