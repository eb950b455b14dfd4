"""Following batches: one look at the catalog for all streams of this process."""

import asyncio
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress

from everlake.catalog import batches, keys
from everlake.catalog.batches import BatchRow
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.keys import ApiKey
from everlake.ingest.asking import unavailable
from everlake.logs import logger

MOST = 500
"""Streams at once; each holds one of the 1,024 connections that the server serves at a time."""
LOOK_SECONDS = 0.1

_log = logger()


class Watch:
    """One stream's batch: ``row`` as it was last seen, and whether the stream has to end."""

    def __init__(self, key_id: str, row: BatchRow) -> None:
        self.key_id = key_id
        self.row = row
        self.ended = False
        self._news = asyncio.Event()

    async def news(self, within: float) -> bool:
        """Wait for another row or the end; False where neither came ``within`` so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._news.wait()
                self._news.clear()
                return True
        return False

    def tell(self, row: BatchRow) -> None:
        """Take the row as it is now."""
        if row != self.row:
            self.row = row
            self._news.set()

    def end(self) -> None:
        """Let the stream end."""
        self.ended = True
        self._news.set()


class Watches:
    """Every stream of this process, and the one task that looks for all of them.

    A look asks SQLite whether anybody has committed, and only then for rows. With no stream
    open there is no look.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._watches: set[Watch] = set()
        self._some = asyncio.Event()
        self._seen: int | None = None
        self._stale = True
        self._closed = False

    @contextmanager
    def open(self, key: ApiKey, row: BatchRow) -> Generator[Watch]:
        """Watch the batch of ``row`` for ``key`` for the length of a block.

        Raises:
            WireError: ``UNAVAILABLE`` where there are too many, or the server is about to stop.
        """
        if self._closed or len(self._watches) >= MOST:
            raise unavailable(
                "The server keeps no further event stream just now: get the batch itself instead."
            )
        watch = Watch(key.id, row)
        self._watches.add(watch)
        # The row may have changed since it was read: the next look must read it in any case.
        self._stale = True
        self._some.set()
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    def close(self) -> None:
        """End every stream, and let none begin."""
        self._closed = True
        for watch in self._watches:
            watch.end()

    async def run(self) -> None:
        """Look again and again while there are streams, until cancelled."""
        while True:
            await self._some.wait()
            try:
                await self._look()
            except CatalogError as error:
                _log.warning("batches cannot be followed just now", reason=str(error))
            except Exception:  # noqa: BLE001 - the streams need the task
                _log.exception("unexpected error")
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        stale, self._stale = self._stale, False
        watches = list(self._watches)
        if not watches:
            self._some.clear()
            return
        try:
            counter = await asyncio.to_thread(self._catalog.change_counter)
            if counter == self._seen and not stale:
                return
            rows, live = await asyncio.to_thread(self._read, watches)
        except BaseException:
            self._stale = True
            raise
        self._seen = counter
        for watch in watches:
            row = rows.get(watch.row.id)
            if row is None or watch.key_id not in live:
                watch.end()
            else:
                watch.tell(row)

    def _read(self, watches: Iterable[Watch]) -> tuple[dict[str, BatchRow], set[str]]:
        with self._catalog.read() as tx:
            rows = batches.get_many(tx, {watch.row.id for watch in watches})
            return rows, keys.live_of(tx, {watch.key_id for watch in watches})
