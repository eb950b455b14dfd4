"""What is counted, and how it is called.

No label holds what a client can choose: paths are told by their routes, and neither a workspace
nor a key is ever named.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram

from everlake.contract.batches import BatchStatus
from everlake.contract.errors import RecordErrorCode

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_FETCH_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600)
_LAG_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400)

UNMATCHED_ROUTE = "none"
"""The route of a request that got to none: without a key, or to an address that is not there."""

LeaseKind = Literal["batch", "writer", "attachment"]
_LEASE_KINDS: tuple[LeaseKind, ...] = ("batch", "writer", "attachment")

AttemptOutcome = Literal["complete", "failed", "tried_again"]
_ATTEMPT_OUTCOMES: tuple[AttemptOutcome, ...] = ("complete", "failed", "tried_again")


_Key = TypeVar("_Key", bound=Hashable)
_Child = TypeVar("_Child")


class _ChildCache(dict[_Key, _Child], Generic[_Key, _Child]):
    """The library's own look-up of a child takes as long as the counting itself."""

    def __init__(self, make: Callable[[_Key], _Child]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: _Key) -> _Child:
        child = self[key] = self._make(key)
        return child


class Metrics:
    """Every count of this process. Its methods take a microsecond or two.

    They are kept where :func:`everlake.metrics.take_seat` said, in this process alone otherwise.
    """

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.registry = registry
        requests = Counter(
            "everlake_http_requests_total",
            "Requests that were answered.",
            ["route", "status"],
            registry=registry,
        )
        seconds = Histogram(
            "everlake_http_request_duration_seconds",
            "Time from a request's head to the head of its answer.",
            ["route"],
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._requests = _ChildCache[tuple[str, int], Counter](lambda key: requests.labels(*key))
        self._seconds = _ChildCache[str, Histogram](seconds.labels)
        self._bytes = Counter(
            "everlake_ingest_bytes_total",
            "Bytes of the bodies that became batches, after decompression.",
            registry=registry,
        )
        self._accepted = Counter(
            "everlake_records_accepted_total", "Records accepted.", registry=registry
        )
        self._rejected = Counter(
            "everlake_records_refused_total", "Records refused.", registry=registry
        )
        refused_by = Counter(
            "everlake_records_refused_by_code_total",
            "Records refused, each once under every code that its errors have.",
            ["code"],
            registry=registry,
        )
        self._rejected_by_code = {code: refused_by.labels(code.value) for code in RecordErrorCode}
        self._attachments = Counter(
            "everlake_attachments_total", "Attachments of accepted records.", registry=registry
        )
        fetches = Counter(
            "everlake_attachment_fetches_total",
            "Tries to get the content of an attachment, by how they ended.",
            ["end"],
            registry=registry,
        )
        self._fetches = {end: fetches.labels(end) for end in _ATTEMPT_OUTCOMES}
        self._fetched_bytes = Counter(
            "everlake_attachment_bytes_total",
            "Bytes of the attachments that were stored.",
            registry=registry,
        )
        self._fetch_seconds = Histogram(
            "everlake_attachment_fetch_seconds",
            "Time that it took to get an attachment that was stored.",
            buckets=_FETCH_SECONDS,
            registry=registry,
        )
        texts = Counter(
            "everlake_attachment_texts_total",
            "Tries to read the text of an attachment, by how they ended.",
            ["end"],
            registry=registry,
        )
        self._extractions = {end: texts.labels(end) for end in _ATTEMPT_OUTCOMES}
        reached = Counter(
            "everlake_batches_reached_total",
            "Batches that came to a status.",
            ["status"],
            registry=registry,
        )
        self._reached = {
            status: reached.labels(status.value)
            for status in BatchStatus
            if status is not BatchStatus.PROCESSING
        }
        lag = Histogram(
            "everlake_batch_lag_seconds",
            "Time from a batch's making, just before its 202, to a status.",
            ["status"],
            buckets=_LAG_SECONDS,
            registry=registry,
        )
        self._lag = {
            status: lag.labels(status.value)
            for status in (BatchStatus.LANDED, BatchStatus.COMPLETE)
        }
        steals = Counter(
            "everlake_lease_steals_total",
            "Leases that ran out and were taken over.",
            ["kind"],
            registry=registry,
        )
        self._lease_takeovers = {kind: steals.labels(kind) for kind in _LEASE_KINDS}

    def record_response(self, route: str, status: int, seconds: float) -> None:
        """A request was answered; ``seconds`` to the head of its answer."""
        self._requests[route, status].inc()
        self._seconds[route].observe(seconds)

    def record_batch_accepted(
        self,
        *,
        body_bytes: int,
        accepted: int,
        attachments: int,
        rejected: int,
        rejected_by_code: Mapping[RecordErrorCode, int],
    ) -> None:
        """A new batch was stored, with so many records accepted and refused.

        ``rejected_by_code`` has how many of those that are refused have errors of each code.
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
        """So many tries to get the content of an attachment ended like that."""
        if attempts:
            self._fetches[outcome].inc(attempts)

    def record_fetched_attachment(self, size: int, seconds: float) -> None:
        """An attachment of ``size`` bytes came in and was stored."""
        self._fetched_bytes.inc(size)
        self._fetch_seconds.observe(seconds)

    def count_extraction_attempts(self, outcome: AttemptOutcome, attempts: int) -> None:
        """So many tries to read the text of an attachment ended like that."""
        if attempts:
            self._extractions[outcome].inc(attempts)

    def record_status_reached(self, status: BatchStatus, lags: Iterable[float]) -> None:
        """Batches came to ``status``, each so many seconds after it was made."""
        lag = self._lag[status]
        batches = 0
        for seconds in lags:
            lag.observe(max(seconds, 0.0))
            batches += 1
        self._reached[status].inc(batches)

    def count_failed_batches(self, batches: int) -> None:
        """So many batches became ``FAILED`` after they had been accepted."""
        self._reached[BatchStatus.FAILED].inc(batches)

    def count_lease_takeovers(self, kind: LeaseKind, leases: int) -> None:
        """So many leases had run out, and are ours now."""
        if leases:
            self._lease_takeovers[kind].inc(leases)
