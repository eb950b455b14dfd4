"""Counters and histograms of a process, with their names and labels.

No label holds a value that a client can choose: a path is given as its route, and no label names a
workspace or an API key.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram

from everlake.contract.batches import BatchStatus
from everlake.contract.errors import RecordErrorCode

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_FETCH_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600)
_LAG_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400)

UNMATCHED_ROUTE = "none"
"""Label of requests that reached no route: without a valid key, or to an unknown path."""

LeaseKind = Literal["batch", "writer", "attachment"]
_LEASE_KINDS: tuple[LeaseKind, ...] = ("batch", "writer", "attachment")

AttemptOutcome = Literal["complete", "failed", "tried_again"]
_ATTEMPT_OUTCOMES: tuple[AttemptOutcome, ...] = ("complete", "failed", "tried_again")

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value", bound=str)
_Child = TypeVar("_Child")


class _ChildCache(dict[_Key, _Child], Generic[_Key, _Child]):
    """Children of a metric by their labels; the library's own look-up takes as long as counting."""

    def __init__(self, make: Callable[[_Key], _Child]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: _Key) -> _Child:
        child = self[key] = self._make(key)
        return child


class Metrics:
    """The metrics of this process. Each method takes a microsecond or two; thread-safe.

    The values are kept in the slot of :func:`everlake.metrics.acquire_slot` when one was acquired
    before, otherwise in this process alone.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        requests = self._counter(
            "everlake_http_requests_total", "Requests answered.", "route", "status"
        )
        self._requests = _ChildCache[tuple[str, int], Counter](lambda key: requests.labels(*key))
        request_seconds = self._histogram(
            "everlake_http_request_duration_seconds",
            "Time from the head of a request to the head of its response.",
            "route",
            buckets=_REQUEST_SECONDS,
        )
        self._request_seconds = _ChildCache[str, Histogram](request_seconds.labels)
        self._bytes = self._counter(
            "everlake_ingest_bytes_total",
            "Bytes of request bodies that became batches, after decompression.",
        )
        self._accepted = self._counter("everlake_records_accepted_total", "Records accepted.")
        self._rejected = self._counter("everlake_records_refused_total", "Records rejected.")
        self._rejected_by_code = _children(
            self._counter(
                "everlake_records_refused_by_code_total",
                "Records rejected, each counted once under every code among its errors.",
                "code",
            ),
            RecordErrorCode,
        )
        self._attachments = self._counter(
            "everlake_attachments_total", "Attachments of accepted records."
        )
        self._fetches = _children(
            self._counter(
                "everlake_attachment_fetches_total",
                "Attempts to get the content of an attachment, by outcome.",
                "end",
            ),
            _ATTEMPT_OUTCOMES,
        )
        self._fetched_bytes = self._counter(
            "everlake_attachment_bytes_total", "Bytes of the attachments stored."
        )
        self._fetch_seconds = self._histogram(
            "everlake_attachment_fetch_seconds",
            "Time of the attempt that got an attachment and stored it.",
            buckets=_FETCH_SECONDS,
        )
        self._extractions = _children(
            self._counter(
                "everlake_attachment_texts_total",
                "Attempts to extract the text of an attachment, by outcome.",
                "end",
            ),
            _ATTEMPT_OUTCOMES,
        )
        self._reached = _children(
            self._counter(
                "everlake_batches_reached_total", "Batches that reached a status.", "status"
            ),
            (status for status in BatchStatus if status is not BatchStatus.PROCESSING),
        )
        lag = self._histogram(
            "everlake_batch_lag_seconds",
            "Time from the creation of a batch, just before its 202, to a status.",
            "status",
            buckets=_LAG_SECONDS,
        )
        self._lag = {
            status: lag.labels(status) for status in (BatchStatus.LANDED, BatchStatus.COMPLETE)
        }
        self._lease_takeovers = _children(
            self._counter(
                "everlake_lease_steals_total",
                "Leases that expired and were taken over by another worker.",
                "kind",
            ),
            _LEASE_KINDS,
        )

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)

    def _histogram(
        self, name: str, documentation: str, *labels: str, buckets: Sequence[float]
    ) -> Histogram:
        return Histogram(name, documentation, labels, buckets=buckets, registry=self.registry)

    def record_response(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request.

        Args:
            route: its route, or :data:`UNMATCHED_ROUTE`.
            status: HTTP status of the response.
            seconds: time from the head of the request to the head of the response.
        """
        self._requests[route, status].inc()
        self._request_seconds[route].observe(seconds)

    def record_batch_accepted(
        self,
        *,
        body_bytes: int,
        accepted: int,
        attachments: int,
        rejected: int,
        rejected_by_code: Mapping[RecordErrorCode, int],
    ) -> None:
        """Count a new batch.

        Args:
            body_bytes: size of the request body after decompression.
            accepted: records accepted.
            attachments: attachments of the accepted records.
            rejected: records rejected.
            rejected_by_code: rejected records that have an error of each code.
        """
        self._bytes.inc(body_bytes)
        self._reached[BatchStatus.LANDING if accepted else BatchStatus.FAILED].inc()
        if accepted:
            self._accepted.inc(accepted)
        if attachments:
            self._attachments.inc(attachments)
        if rejected:
            self._rejected.inc(rejected)
        for code, records in rejected_by_code.items():
            self._rejected_by_code[code].inc(records)

    def count_fetch_attempts(self, outcome: AttemptOutcome, attempts: int) -> None:
        """Count attempts to get the content of an attachment that ended with this outcome."""
        if attempts:
            self._fetches[outcome].inc(attempts)

    def record_fetched_attachment(self, size: int, seconds: float) -> None:
        """Count an attachment that was stored: its size in bytes, and the time of the attempt."""
        self._fetched_bytes.inc(size)
        self._fetch_seconds.observe(seconds)

    def count_extraction_attempts(self, outcome: AttemptOutcome, attempts: int) -> None:
        """Count attempts to extract the text of an attachment that ended with this outcome."""
        if attempts:
            self._extractions[outcome].inc(attempts)

    def record_status_reached(self, status: BatchStatus, lags: Iterable[float]) -> None:
        """Count batches that reached ``LANDED`` or ``COMPLETE``.

        Args:
            status: the status.
            lags: for each batch, the seconds since its creation.
        """
        lag = self._lag[status]
        batches = 0
        for seconds in lags:
            lag.observe(max(seconds, 0.0))
            batches += 1
        self._reached[status].inc(batches)

    def count_failed_batches(self, batches: int) -> None:
        """Count batches that became ``FAILED`` after they had been accepted."""
        self._reached[BatchStatus.FAILED].inc(batches)

    def count_lease_takeovers(self, kind: LeaseKind, leases: int) -> None:
        """Count expired leases of other workers that this worker took over."""
        if leases:
            self._lease_takeovers[kind].inc(leases)


def _children(counter: Counter, values: Iterable[_Value]) -> dict[_Value, Counter]:
    """Return the counter's child for each value of its one label."""
    return {value: counter.labels(value) for value in values}
