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

from everlake.client.chunks import Chunk
from everlake.client.client import Client
from everlake.client.delivery import Delivery, Outcome
from everlake.client.pace import Pace, Stopped
from everlake.client.records import Refused, Unread

_MOST_FINISHED = 8
"""Outcomes held for each request under way, while they wait for an older one's."""

_Job: TypeAlias = tuple[Chunk, str, Future[Outcome]]
"""A chunk, its idempotency key, and where to put what became of it."""


class _UnderWay(msgspec.Struct, frozen=True):
    identities: frozenset[str]
    outcome: Future[Outcome]


class Sender:
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
        pace: Pace,
        *,
        parallel: int,
        dry_run: bool = False,
        every_refusal: bool = False,
    ) -> None:
        self._delivery = Delivery(client, pace, dry_run=dry_run, every_refusal=every_refusal)
        self._pace = pace
        self._parallel = parallel
        # Apart from the window, so that a chunk's memory is free when its request is answered.
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._window: deque[_UnderWay] = deque()
        self._seen: Counter[bytes] = Counter()
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
        self._pace.stop()
        for _ in range(self._parallel):
            self._jobs.put(None)

    def send(
        self, chunks: Iterable[Chunk | Refused | Unread]
    ) -> Iterator[Outcome | Refused | Unread]:
        """What became of each chunk, in their order. What is none is passed on at once.

        Raises:
            ApiError: a request failed in a way that others would as well. Nothing is sent after
                it; what became of those under way comes before.
            Unreachable: as well.
        """
        for each in chunks:
            if not isinstance(each, Chunk):
                yield each
                continue
            yield from self._make_way(each)
            if self._failure is not None:
                break
            self._start(each)
        yield from self.settle()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Send nothing more; what is under way goes on."""
        self._pace.stop()

    def settle(self, seconds: float | None = None) -> Iterator[Outcome]:
        """What became of chunks under way, waiting for them no longer than ``seconds``."""
        wait([each.outcome for each in self._window], seconds)
        yield from self._finished()

    def _finished(self) -> Iterator[Outcome]:
        """What became of the oldest ones, up to one that is not finished."""
        while self._window and self._window[0].outcome.done():
            outcome = self._window.popleft().outcome
            if outcome.exception() is None:
                yield outcome.result()

    def _make_way(self, chunk: Chunk) -> Iterator[Outcome]:
        """Wait until a chunk may start, or never will."""
        yield from self._finished()
        while self._failure is None and self._has_to_wait(chunk):
            unfinished = [each.outcome for each in self._window if not each.outcome.done()]
            wait(unfinished, return_when=FIRST_COMPLETED)
            yield from self._finished()

    def _has_to_wait(self, chunk: Chunk) -> bool:
        unfinished = [each for each in self._window if not each.outcome.done()]
        return (
            len(unfinished) > self._parallel
            or len(self._window) >= _MOST_FINISHED * self._parallel
            or not all(chunk.identities.isdisjoint(each.identities) for each in unfinished)
        )

    def _start(self, chunk: Chunk) -> None:
        outcome: Future[Outcome] = Future()
        self._window.append(_UnderWay(chunk.identities, outcome))
        self._jobs.put((chunk, self._key_of(chunk), outcome))

    def _key_of(self, chunk: Chunk) -> str:
        digest = hashlib.blake2b(chunk.media_type.encode() + b"\n", digest_size=32)
        digest.update(chunk.body)
        content = digest.digest()
        self._seen[content] += 1
        times = self._seen[content]
        return f"send-{content.hex()}" if times == 1 else f"send-{content.hex()}-{times}"

    def _work(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        job = self._jobs.get()
        if job is None:
            return False
        chunk, key, outcome = job
        try:
            outcome.set_result(self._delivery.deliver(chunk, key))
        except BaseException as error:  # noqa: BLE001 - who waits for it has to hear
            if not isinstance(error, Stopped):
                self._failure = self._failure or error
            self._pace.stop()
            outcome.set_exception(error)
        return True
