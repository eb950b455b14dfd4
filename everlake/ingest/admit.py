"""The durable moment: landing objects synced, rows committed, then the 202.

Admissions that wait at the same time share one commit. The one thread here, and that of
:mod:`apart` for those whose commit was interrupted, are the only places of an API process that
write new batches.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError, CatalogInterrupted
from everlake.ingest.admission import Admission, Admitted, Outcome, Waiting, commit
from everlake.ingest.apart import Apart
from everlake.ingest.asking import PATIENCE, unavailable
from everlake.landing.lines import compress
from everlake.storage import ObjectStore, StorageError

GROUP_BYTES = 32 * 1024 * 1024
"""Uncompressed bytes that one commit takes at most, so that its first is not kept waiting."""
_LOCK_SHARE = 0.1
"""Of the patience, for which a commit waits for each lock."""
_TOO_MUCH = "More comes in than the database and the storage can keep up with. Try again."
MOST_IN_HAND = 1_000
"""Admissions handed in and not yet settled."""
MOST_BYTES_IN_HAND = 4 * GROUP_BYTES
"""Their uncompressed bytes: one group at the database, and three behind it."""


class Admitter:
    """Makes batches durable, many a commit.

    Args:
        catalog: takes the rows.
        store: takes the landing objects.
        patience: seconds that the database waits for a lock or a statement. An admission waits
            as long for its turn, and three times as long for its answer.
        most_bytes: held for admissions at a time; a single one may be larger.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        patience: float = PATIENCE,
        most_bytes: int = MOST_BYTES_IN_HAND,
    ) -> None:
        self._catalog = catalog
        self.store = store
        """Takes the landing objects."""
        self._patience = patience
        self._most_bytes = most_bytes
        self._count = 0
        self._bytes = 0
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="admitter", daemon=True)
        self._apart = Apart(self._commit, self._tell)

    def start(self) -> None:
        """Begin to take admissions."""
        self._thread.start()
        self._apart.start()

    def stop(self) -> None:
        """Finish what was handed in, then end."""
        self._queue.put(None)
        self._thread.join()
        self._apart.stop()

    async def admit(self, admission: Admission) -> Admitted:
        """Return when the batch survives the loss of power.

        Raises:
            WireError: ``UNAVAILABLE``: nothing is stored under a row, save where the database or
                the storage hung and went on after the patience was over. Or
                ``IDEMPOTENCY_KEY_REUSED``.
        """
        size = len(admission.lines)
        full = self._count >= MOST_IN_HAND or self._bytes + size > self._most_bytes
        if full and self._count:
            raise unavailable(_TOO_MUCH)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Admitted] = loop.create_future()
        self._count += 1
        self._bytes += size
        until = time.monotonic() + self._patience
        self._queue.put(Waiting(admission, future, loop, until))
        try:
            async with asyncio.timeout(3 * self._patience):
                return await future
        except TimeoutError:
            raise unavailable(
                "The database or the storage does not answer in time. Try again: records that "
                "come twice are kept once."
            ) from None

    def _tell(self, waiting: Waiting, outcome: Admitted | Exception) -> None:
        with suppress(RuntimeError):  # its event loop is closed, and nobody waits there
            waiting.loop.call_soon_threadsafe(self._settled, waiting, outcome)

    def _settled(self, waiting: Waiting, outcome: Admitted | Exception) -> None:
        """Give the outcome to who waits for it, if anybody still does; in the event loop."""
        self._count -= 1
        self._bytes -= len(waiting.admission.lines)
        if waiting.future.cancelled():
            return
        if isinstance(outcome, Exception):
            waiting.future.set_exception(outcome)
        else:
            waiting.future.set_result(outcome)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            size = len(first.admission.lines)
            last = False
            while size < GROUP_BYTES and not last:
                try:
                    waiting = self._queue.get_nowait()
                except queue.Empty:
                    break
                if waiting is None:
                    last = True
                else:
                    group.append(waiting)
                    size += len(waiting.admission.lines)
            self._settle(group)
            if last:
                return

    def _settle(self, group: Sequence[Waiting]) -> None:
        waited_for: list[Waiting] = []
        now = time.monotonic()
        for waiting in group:
            # Not what is told 503 while it is stored, if that can be helped.
            if waiting.future.cancelled() or now > waiting.until:
                self._tell(waiting, unavailable(_TOO_MUCH))
            else:
                waited_for.append(waiting)
        if waited_for:
            self._make_durable(waited_for)

    def _make_durable(self, group: Sequence[Waiting]) -> None:
        try:
            self._store_objects([waiting.admission for waiting in group])
        except Exception as error:  # noqa: BLE001 - the thread must live, each caller must hear
            outcome = unavailable(str(error)) if isinstance(error, StorageError) else error
            for waiting in group:
                self._tell(waiting, outcome)
            return
        together: list[Waiting] = []
        for waiting in group:
            if self._apart.has(waiting.admission.batch.workspace_id):
                self._apart.take([waiting])
            else:
                together.append(waiting)
        if together:
            self._commit_together(together)

    def _commit_together(self, group: Sequence[Waiting]) -> None:
        outcomes: Sequence[Outcome | Exception]
        try:
            outcomes = self._commit(group)
        except CatalogInterrupted:
            self._apart.take(group)
            return
        except CatalogError as error:
            # What was written has no row: the sweep removes it.
            outcomes = [unavailable(str(error))] * len(group)
        except Exception as error:  # noqa: BLE001 - the thread must live, each caller must hear
            outcomes = [error] * len(group)
        for waiting, outcome in zip(group, outcomes, strict=True):
            self._tell(waiting, outcome)

    def _commit(self, group: Sequence[Waiting]) -> list[Outcome]:
        admissions = [waiting.admission for waiting in group]
        return commit(self._catalog, admissions, self._patience * _LOCK_SHARE)

    def _store_objects(self, admissions: Sequence[Admission]) -> None:
        objects: list[tuple[str, bytes]] = []
        for admission in admissions:
            if admission.batch.landing_path is not None:
                objects.append((admission.batch.landing_path, compress(admission.lines)))
            if admission.batch.rejected_path is not None and admission.refused is not None:
                objects.append((admission.batch.rejected_path, admission.refused))
        self.store.put_many(objects)
