"""Queue metrics: the backlog of batches and attachments, read from the catalog and cached."""

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
"""Seconds until a catalog that does not answer is reported as down, and the rest is served."""

_log = logger()


class QueueCollector(Collector):
    """Collects how many batches and attachments wait, and for how long.

    Only one thread at a time may collect.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._query_thread: threading.Thread | None = None
        self._expires_at = 0.0
        self._statuses: list[backlog.BatchBacklog] | None = None
        self._files = backlog.AttachmentBacklog(0, 0)
        self.rebuild_lease_held = False
        """Whether a rebuild of tables in a bucket held its lease at the last query."""

    def collect(self) -> Iterable[Metric]:
        """Return the gauges; without samples of the queue when the catalog does not answer."""
        batches = GaugeMetricFamily(
            "everlake_batches",
            f"Batches by status, the final one left out; counted up to {backlog.COUNT_LIMIT:,}.",
            labels=["status"],
        )
        wait = GaugeMetricFamily(
            "everlake_queue_wait_seconds",
            "Time since the batch that is due for longest in a status became due.",
            labels=["status"],
        )
        found = self._cached()
        for waiting in found or ():
            batches.add_metric([waiting.status.value], waiting.batches)
            if waiting.overdue_ms is not None:
                wait.add_metric([waiting.status.value], waiting.overdue_ms / 1000)
        files = GaugeMetricFamily(
            "everlake_attachments_waiting",
            "Attachments to be downloaded, or whose text is to be extracted or indexed; "
            f"counted up to {backlog.COUNT_LIMIT:,}.",
            labels=["step"],
        )
        if found is not None:
            files.add_metric(["fetch"], self._files.fetch)
            files.add_metric(["read"], self._files.read)
        up = GaugeMetricFamily(
            "everlake_catalog_up",
            "Whether the catalog answered the last query for the queue.",
            value=float(found is not None),
        )
        return batches, wait, files, up

    def _cached(self) -> list[backlog.BatchBacklog] | None:
        """Return the backlog, at most five seconds old; None when the catalog does not answer."""
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
        except Exception:  # noqa: BLE001 - the other metrics are served all the same
            _log.exception("cannot count the queue")
            self._statuses = None
        self._expires_at = time.monotonic() + CACHE_SECONDS
