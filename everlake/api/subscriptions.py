"""Following batches: one look at the catalog for all streams of this process."""

import asyncio
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress

from everlake.catalog import api_keys, batches
from everlake.catalog.api_keys import ApiKey
from everlake.catalog.batches import BatchRow
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.contract.errors import unavailable
from everlake.logs import logger

MAX_STREAMS = 500
"""Streams at once; each holds one of the 1,024 connections that the server serves at a time."""
POLL_SECONDS = 0.1

_log = logger()


class BatchSubscription:
    """One stream's batch: ``row`` as it was last seen, and whether the stream has to end."""

    def __init__(self, key_id: str, row: BatchRow) -> None:
        self.key_id = key_id
        self.row = row
        self.is_closed = False
        self._changed = asyncio.Event()

    async def wait_for_change(self, timeout: float) -> bool:
        """Wait for another row or the end; False where neither came ``timeout`` so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._changed.wait()
                self._changed.clear()
                return True
        return False

    def publish(self, row: BatchRow) -> None:
        """Take the row as it is now."""
        if row != self.row:
            self.row = row
            self._changed.set()

    def close(self) -> None:
        """Let the stream end."""
        self.is_closed = True
        self._changed.set()


class BatchSubscriptions:
    """Every stream of this process, and the one task that looks for all of them.

    A look asks SQLite whether anybody has committed, and only then for rows. With no stream
    open there is no look.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._subscriptions: set[BatchSubscription] = set()
        self._has_subscriptions = asyncio.Event()
        self._last_change_counter: int | None = None
        self._must_read = True
        self._is_closed = False

    @contextmanager
    def subscribe(self, key: ApiKey, row: BatchRow) -> Generator[BatchSubscription]:
        """Watch the batch of ``row`` for ``key`` for the length of a block.

        Raises:
            WireError: ``UNAVAILABLE`` where there are too many, or the server is about to stop.
        """
        if self._is_closed or len(self._subscriptions) >= MAX_STREAMS:
            raise unavailable(
                "The server keeps no further event stream just now: get the batch itself instead."
            )
        watch = BatchSubscription(key.id, row)
        self._subscriptions.add(watch)
        # The row may have changed since it was read: the next look must read it in any case.
        self._must_read = True
        self._has_subscriptions.set()
        try:
            yield watch
        finally:
            self._subscriptions.discard(watch)

    def close(self) -> None:
        """End every stream, and let none begin."""
        self._is_closed = True
        for watch in self._subscriptions:
            watch.close()

    async def run(self) -> None:
        """Look again and again while there are streams, until cancelled."""
        while True:
            await self._has_subscriptions.wait()
            try:
                await self._poll()
            except CatalogError as error:
                _log.warning("batches cannot be followed just now", reason=str(error))
            except Exception:  # noqa: BLE001 - the streams need the task
                _log.exception("unexpected error")
            await asyncio.sleep(POLL_SECONDS)

    async def _poll(self) -> None:
        stale, self._must_read = self._must_read, False
        watches = list(self._subscriptions)
        if not watches:
            self._has_subscriptions.clear()
            return
        try:
            counter = await asyncio.to_thread(self._catalog.change_counter)
            if counter == self._last_change_counter and not stale:
                return
            rows, live = await asyncio.to_thread(self._read, watches)
        except BaseException:
            self._must_read = True
            raise
        self._last_change_counter = counter
        for watch in watches:
            row = rows.get(watch.row.id)
            if row is None or watch.key_id not in live:
                watch.close()
            else:
                watch.publish(row)

    def _read(
        self, subscriptions: Iterable[BatchSubscription]
    ) -> tuple[dict[str, BatchRow], set[str]]:
        with self._catalog.snapshot() as tx:
            rows = batches.get_many(tx, {watch.row.id for watch in subscriptions})
            return rows, api_keys.find_live_ids(tx, {watch.key_id for watch in subscriptions})
