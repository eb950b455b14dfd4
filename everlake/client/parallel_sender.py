"""Chunks to the server, several at a time, and no version of a record before an older one."""

import hashlib
import queue
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Self, TypeAlias

import msgspec

from everlake.client.batch_sender import BatchSender, SendResult
from everlake.client.client import Client
from everlake.client.record_reader import RejectedInput, UnreadableInput
from everlake.client.request_batches import RequestBatch
from everlake.client.throttle import SendingStopped, Throttle

_MAX_FINISHED = 8
"""Outcomes held for each request under way, while they wait for an older one's."""

_QueuedBatch: TypeAlias = tuple[RequestBatch, str, Future[SendResult]]
"""A chunk, its idempotency key, and where to put what became of it."""


class _InFlightBatch(msgspec.Struct, frozen=True):
    identities: frozenset[str]
    result: Future[SendResult]


class ParallelSender:
    """Sends chunks in their order, several at a time.

    Two chunks that hold versions of one record are never under way together: the contract's
    order of arrival is that of the 202s, so the later one waits for the earlier one's.

    Each request's idempotency key is made of its content, and of how often that came before in
    the same run. So the same chunks have the same keys in another run.

    Args:
        client: made with the pace's ``delay`` as its ``before_again``.
        pace: holds requests back, and stops them.
        parallel: requests under way at a time.
        dry_run: see :class:`Delivery`.
        every_refusal: see :class:`Delivery`.
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
        # Apart from the window, so that a chunk's memory is free when its request is answered.
        self._queue: queue.SimpleQueue[_QueuedBatch | None] = queue.SimpleQueue()
        self._in_flight: deque[_InFlightBatch] = deque()
        self._content_counts: Counter[bytes] = Counter()
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        for number in range(self._parallel):
            # A daemon: who ends the program does not wait for an answer that may not come.
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
        """What became of each chunk, in their order. What is none is passed on at once.

        Raises:
            ApiError: a request failed in a way that others would as well. Nothing is sent after
                it; what became of those under way comes before.
            Unreachable: as well.
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
        """Send nothing more; what is under way goes on."""
        self._throttle.stop()

    def wait_for_results(self, timeout: float | None = None) -> Iterator[SendResult]:
        """What became of chunks under way, waiting for them no longer than ``timeout``."""
        wait([each.result for each in self._in_flight], timeout)
        yield from self._take_finished()

    def _take_finished(self) -> Iterator[SendResult]:
        """What became of the oldest ones, up to one that is not finished."""
        while self._in_flight and self._in_flight[0].result.done():
            outcome = self._in_flight.popleft().result
            if outcome.exception() is None:
                yield outcome.result()

    def _wait_for_turn(self, batch: RequestBatch) -> Iterator[SendResult]:
        """Wait until a chunk may start, or never will."""
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
        outcome: Future[SendResult] = Future()
        self._in_flight.append(_InFlightBatch(batch.identities, outcome))
        self._queue.put((batch, self._idempotency_key(batch), outcome))

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
        job = self._queue.get()
        if job is None:
            return False
        chunk, key, outcome = job
        try:
            outcome.set_result(self._sender.send(chunk, key))
        except BaseException as error:  # noqa: BLE001 - who waits for it has to hear
            if not isinstance(error, SendingStopped):
                self._failure = self._failure or error
            self._throttle.stop()
            outcome.set_exception(error)
        return True
