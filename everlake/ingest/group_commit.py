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

from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError, CatalogInterrupted
from everlake.contract.errors import unavailable
from everlake.ingest.batch_commit import (
    CommitOutcome,
    IngestResult,
    PendingCommit,
    ValidatedBatch,
    commit_batches,
)
from everlake.ingest.isolated_commit import IsolatedCommitter
from everlake.landing.lines import compress
from everlake.settings.defaults import DATABASE_TIMEOUT_SECONDS
from everlake.storage import ObjectStore, StorageError

GROUP_BYTES = 32 * 1024 * 1024
"""Uncompressed bytes that one commit takes at most, so that its first is not kept waiting."""
_LOCK_TIMEOUT_SHARE = 0.1
"""Of the patience, for which a commit waits for each lock."""
_OVERLOADED = "More comes in than the database and the storage can keep up with. Try again."
MAX_PENDING = 1_000
"""Admissions handed in and not yet settled."""
MAX_PENDING_BYTES = 4 * GROUP_BYTES
"""Their uncompressed bytes: one group at the database, and three behind it."""


class GroupCommitter:
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
        timeout: float = DATABASE_TIMEOUT_SECONDS,
        max_bytes: int = MAX_PENDING_BYTES,
    ) -> None:
        self._catalog = catalog
        self.store = store
        """Takes the landing objects."""
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._pending_count = 0
        self._pending_bytes = 0
        self._queue: queue.SimpleQueue[PendingCommit | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="admitter", daemon=True)
        self._isolated = IsolatedCommitter(self._commit_batches, self._deliver)

    def start(self) -> None:
        """Begin to take admissions."""
        self._thread.start()
        self._isolated.start()

    def stop(self) -> None:
        """Finish what was handed in, then end."""
        self._queue.put(None)
        self._thread.join()
        self._isolated.stop()

    async def commit(self, batch: ValidatedBatch) -> IngestResult:
        """Return when the batch survives the loss of power.

        Raises:
            WireError: ``UNAVAILABLE``: nothing is stored under a row, save where the database or
                the storage hung and went on after the patience was over. Or
                ``IDEMPOTENCY_KEY_REUSED``.
        """
        size = len(batch.lines)
        full = self._pending_count >= MAX_PENDING or self._pending_bytes + size > self._max_bytes
        if full and self._pending_count:
            raise unavailable(_OVERLOADED)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[IngestResult] = loop.create_future()
        self._pending_count += 1
        self._pending_bytes += size
        until = time.monotonic() + self._timeout
        self._queue.put(PendingCommit(batch, future, loop, until))
        try:
            async with asyncio.timeout(3 * self._timeout):
                return await future
        except TimeoutError:
            raise unavailable(
                "The database or the storage does not answer in time. Try again: records that "
                "come twice are kept once."
            ) from None

    def _deliver(self, pending: PendingCommit, outcome: IngestResult | Exception) -> None:
        with suppress(RuntimeError):  # its event loop is closed, and nobody waits there
            pending.loop.call_soon_threadsafe(self._resolve, pending, outcome)

    def _resolve(self, pending: PendingCommit, outcome: IngestResult | Exception) -> None:
        """Give the outcome to who waits for it, if anybody still does; in the event loop."""
        self._pending_count -= 1
        self._pending_bytes -= len(pending.batch.lines)
        if pending.future.cancelled():
            return
        if isinstance(outcome, Exception):
            pending.future.set_exception(outcome)
        else:
            pending.future.set_result(outcome)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            size = len(first.batch.lines)
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
                    size += len(waiting.batch.lines)
            self._commit_group(group)
            if last:
                return

    def _commit_group(self, group: Sequence[PendingCommit]) -> None:
        waited_for: list[PendingCommit] = []
        now = time.monotonic()
        for waiting in group:
            # Not what is told 503 while it is stored, if that can be helped.
            if waiting.future.cancelled() or now > waiting.deadline:
                self._deliver(waiting, unavailable(_OVERLOADED))
            else:
                waited_for.append(waiting)
        if waited_for:
            self._store_and_commit(waited_for)

    def _store_and_commit(self, group: Sequence[PendingCommit]) -> None:
        try:
            self._store_objects([waiting.batch for waiting in group])
        except Exception as error:  # noqa: BLE001 - the thread must live, each caller must hear
            outcome = unavailable(str(error)) if isinstance(error, StorageError) else error
            for waiting in group:
                self._deliver(waiting, outcome)
            return
        together: list[PendingCommit] = []
        for waiting in group:
            if self._isolated.has_workspace(waiting.batch.row.workspace_id):
                self._isolated.add([waiting])
            else:
                together.append(waiting)
        if together:
            self._commit_rows(together)

    def _commit_rows(self, group: Sequence[PendingCommit]) -> None:
        outcomes: Sequence[CommitOutcome | Exception]
        try:
            outcomes = self._commit_batches(group)
        except CatalogInterrupted:
            self._isolated.add(group)
            return
        except CatalogError as error:
            # What was written has no row: the sweep removes it.
            outcomes = [unavailable(str(error))] * len(group)
        except Exception as error:  # noqa: BLE001 - the thread must live, each caller must hear
            outcomes = [error] * len(group)
        for waiting, outcome in zip(group, outcomes, strict=True):
            self._deliver(waiting, outcome)

    def _commit_batches(self, group: Sequence[PendingCommit]) -> list[CommitOutcome]:
        admissions = [waiting.batch for waiting in group]
        return commit_batches(self._catalog, admissions, self._timeout * _LOCK_TIMEOUT_SHARE)

    def _store_objects(self, batches: Sequence[ValidatedBatch]) -> None:
        objects: list[tuple[str, bytes]] = []
        for admission in batches:
            if admission.row.landing_path is not None:
                objects.append((admission.row.landing_path, compress(admission.lines)))
            if admission.row.rejected_path is not None and admission.rejected_object is not None:
                objects.append((admission.row.rejected_path, admission.rejected_object))
        self.store.put_many(objects)
