"""Parallel sending of request batches, with versions of one record in their order."""

import hashlib
import queue
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Self, TypeAlias

import msgspec

from everlake.client.batch_sender import BatchSender
from everlake.client.client import Client
from everlake.client.errors import SendingStopped
from everlake.client.request_batches import RequestBatch
from everlake.client.throttle import Throttle
from everlake.client.types import RejectedInput, SendResult, UnreadableInput

_MAX_FINISHED = 8
"""Results kept for each parallel request while an older one is unfinished."""

_QueuedBatch: TypeAlias = tuple[RequestBatch, str, Future[SendResult]]
"""A batch, its idempotency key, and the future of its result."""


class _InFlightBatch(msgspec.Struct, frozen=True):
    identities: frozenset[str]
    result: Future[SendResult]


class ParallelSender:
    """Sends batches in their order, several at a time.

    The last version of a record to arrive wins, and versions arrive in the order of the 202
    responses. So of two batches with versions of one record, the later waits for the response to
    the earlier.

    The idempotency key of a request is derived from its content, and from how often this run has
    sent the same content before. So another run with the same batches uses the same keys.

    Args:
        client: created with ``before_retry=throttle.back_off``.
        throttle: holds requests back, and stops them.
        parallel: number of simultaneous requests.
        dry_run: see :class:`everlake.client.batch_sender.BatchSender`.
        all_rejections: likewise.
    """

    def __init__(
        self,
        client: Client,
        throttle: Throttle,
        *,
        parallel: int,
        dry_run: bool = False,
        all_rejections: bool = False,
    ) -> None:
        self._sender = BatchSender(client, throttle, dry_run=dry_run, all_rejections=all_rejections)
        self._throttle = throttle
        self._parallel = parallel
        # The queue alone holds batches, so that their memory is free once they are sent.
        self._queue: queue.SimpleQueue[_QueuedBatch | None] = queue.SimpleQueue()
        self._in_flight: deque[_InFlightBatch] = deque()
        self._content_counts: Counter[bytes] = Counter()
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        for number in range(self._parallel):
            # Daemons: the program can end without waiting for a response that may not come.
            threading.Thread(target=self._work, name=f"send-{number}", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._throttle.stop()
        for _ in range(self._parallel):
            self._queue.put(None)

    def send(
        self, batches: Iterable[RequestBatch | RejectedInput | UnreadableInput]
    ) -> Iterator[SendResult | RejectedInput | UnreadableInput]:
        """Send batches and yield their results in order. Other items are passed on at once.

        Raises:
            ApiError: error response that other requests would get as well. No further request is
                made; the results of those in progress are yielded first.
            Unreachable: no response; likewise.
        """
        for each in batches:
            if not isinstance(each, RequestBatch):
                yield each
                continue
            yield from self._wait_for_turn(each)
            if self._failure is not None:
                break
            self._enqueue(each)
        yield from self.wait_for_results()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Start no further request; those in progress continue."""
        self._throttle.stop()

    def wait_for_results(self, timeout: float | None = None) -> Iterator[SendResult]:
        """Yield the results of requests in progress; wait for them ``timeout`` seconds at most."""
        wait([each.result for each in self._in_flight], timeout)
        yield from self._take_finished()

    def _take_finished(self) -> Iterator[SendResult]:
        """Yield the results of the oldest batches, up to the first unfinished one."""
        while self._in_flight and self._in_flight[0].result.done():
            result = self._in_flight.popleft().result
            if result.exception() is None:
                yield result.result()

    def _wait_for_turn(self, batch: RequestBatch) -> Iterator[SendResult]:
        """Wait until a batch may be sent, or sending has failed."""
        yield from self._take_finished()
        while self._failure is None and self._must_wait(batch):
            unfinished = [each.result for each in self._in_flight if not each.result.done()]
            wait(unfinished, return_when=FIRST_COMPLETED)
            yield from self._take_finished()

    def _must_wait(self, batch: RequestBatch) -> bool:
        unfinished = [each for each in self._in_flight if not each.result.done()]
        return (
            len(unfinished) > self._parallel
            or len(self._in_flight) >= _MAX_FINISHED * self._parallel
            or not all(batch.identities.isdisjoint(each.identities) for each in unfinished)
        )

    def _enqueue(self, batch: RequestBatch) -> None:
        result: Future[SendResult] = Future()
        self._in_flight.append(_InFlightBatch(batch.identities, result))
        self._queue.put((batch, self._idempotency_key(batch), result))

    def _idempotency_key(self, batch: RequestBatch) -> str:
        digest = hashlib.blake2b(batch.media_type.encode() + b"\n", digest_size=32)
        digest.update(batch.body)
        content = digest.digest()
        self._content_counts[content] += 1
        times = self._content_counts[content]
        return f"send-{content.hex()}" if times == 1 else f"send-{content.hex()}-{times}"

    def _work(self) -> None:
        while self._send_next():
            pass

    def _send_next(self) -> bool:
        queued = self._queue.get()
        if queued is None:
            return False
        batch, key, result = queued
        try:
            result.set_result(self._sender.send(batch, key))
        except BaseException as error:  # noqa: BLE001 - the future must end in any case
            if not isinstance(error, SendingStopped):
                self._failure = self._failure or error
            self._throttle.stop()
            result.set_exception(error)
        return True
