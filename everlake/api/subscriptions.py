"""Batch subscriptions: one poll of the catalog for all event streams of this process."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress

from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.contract.errors import ErrorCode, WireError, unavailable
from everlake.identity.types import Principal
from everlake.logs import logger
from everlake.model.batches import BatchRow
from everlake.operations.batches import POLL_SECONDS, read_followed

MAX_STREAMS_PER_PRINCIPAL = 50
"""Streams of a key at a time, in one process."""
MAX_STREAMS = 500
"""Streams at a time; each holds one of the 1,024 connections that the server serves at a time."""
_RETRY_SECONDS = 5.0

_log = logger()


class BatchSubscription:
    """Subscription of one event stream.

    Attributes:
        principal: that opened the stream.
        row: the batch as it was read last.
        is_closed: whether the stream must end.
    """

    def __init__(self, principal: Principal, row: BatchRow) -> None:
        self.principal = principal
        self.row = row
        self.is_closed = False
        self._changed = asyncio.Event()

    async def wait_for_change(self, seconds: float) -> bool:
        """Wait until the batch changes or the subscription is closed.

        Returns:
            False when neither happened within ``seconds``.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
                self._changed.clear()
                return True
        return False

    def publish(self, row: BatchRow) -> None:
        """Set the row, and wake the stream when it has changed."""
        if row != self.row:
            self.row = row
            self._changed.set()

    def close(self) -> None:
        """End the stream."""
        self.is_closed = True
        self._changed.set()


class BatchSubscriptions:
    """The event streams of this process, and the task that polls the catalog for all of them.

    A poll reads the catalog's change counter, and batches only when it has changed. Without open
    streams nothing is polled.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._subscriptions: set[BatchSubscription] = set()
        self._has_subscriptions = asyncio.Event()
        self._last_change_counter: int | None = None
        self._must_read = True
        self._is_closed = False

    @contextmanager
    def subscribe(self, principal: Principal, row: BatchRow) -> Generator[BatchSubscription]:
        """Subscribe to a batch for the length of a block.

        Args:
            principal: the stream ends when it is no longer valid.
            row: the batch as it was read.

        Raises:
            WireError: ``UNAVAILABLE`` when too many streams are open, or the server is stopping;
                ``RATE_LIMITED`` when too many of them are the principal's.
        """
        own = sum(one.principal.id == principal.id for one in self._subscriptions)
        if own >= MAX_STREAMS_PER_PRINCIPAL:
            raise WireError(
                ErrorCode.RATE_LIMITED,
                f"This key has {own} event streams open: close one, or get the batch itself.",
                retry_after=_RETRY_SECONDS,
            )
        if self._is_closed or len(self._subscriptions) >= MAX_STREAMS:
            raise unavailable(
                "The server cannot open another event stream now: get the batch itself instead."
            )
        subscription = BatchSubscription(principal, row)
        self._subscriptions.add(subscription)
        # The batch may have changed since it was read: the next poll must read it in any case.
        self._must_read = True
        self._has_subscriptions.set()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End all streams, and reject new ones."""
        self._is_closed = True
        for subscription in self._subscriptions:
            subscription.close()

    async def run(self) -> None:
        """Poll while there are streams, until cancelled."""
        while True:
            await self._has_subscriptions.wait()
            try:
                await self._poll()
            except CatalogError as error:
                _log.warning("batches cannot be polled", reason=str(error))
            except Exception:  # noqa: BLE001 - all streams depend on this task
                _log.exception("unexpected error")
            await asyncio.sleep(POLL_SECONDS)

    async def _poll(self) -> None:
        must_read, self._must_read = self._must_read, False
        subscriptions = list(self._subscriptions)
        if not subscriptions:
            self._has_subscriptions.clear()
            return
        try:
            # No time limit: only this task waits, and the next poll needs the answer.
            counter = await asyncio.to_thread(self._catalog.change_counter)
            if counter == self._last_change_counter and not must_read:
                return
            batches, active = await asyncio.to_thread(
                read_followed,
                self._catalog,
                {one.row.id for one in subscriptions},
                {one.principal for one in subscriptions},
            )
        except BaseException:
            self._must_read = True
            raise
        self._last_change_counter = counter
        for subscription in subscriptions:
            row = batches.get(subscription.row.id)
            if row is None or subscription.principal not in active:
                subscription.close()
            else:
                subscription.publish(row)
