"""Group commit: batches that wait at the same time share one database commit.

A batch is durable once its archive objects are synced and its row is committed. Only the thread
here, and that of :mod:`everlake.ingest.isolated_commit` for batches whose group commit was
interrupted, write new batches in an API process.
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
from everlake.ingest.batch_commit import commit_batches
from everlake.ingest.isolated_commit import IsolatedCommitter
from everlake.ingest.types import CommitOutcome, IngestResult, PendingCommit, ValidatedBatch
from everlake.landing.compression import compress
from everlake.settings.defaults import DATABASE_TIMEOUT_SECONDS
from everlake.storage import DiskReserve, ObjectStore, StorageError

GROUP_BYTES = 32 * 1024 * 1024
"""Uncompressed bytes at which a group is closed, so that its first batch does not wait for long."""
MAX_PENDING = 1_000
"""Most batches that wait for their outcome."""
MAX_PENDING_BYTES = 4 * GROUP_BYTES
"""Most uncompressed bytes of these: one group in its commit, and three behind it."""
_LOCK_TIMEOUT_SHARE = 0.1
"""Share of the timeout that a commit waits for each lock."""
_OVERLOADED = "The database and the storage cannot keep up with the requests. Try again later."


class GroupCommitter:
    """Commits batches in groups, on a thread of its own.

    Args:
        catalog: takes the rows.
        store: takes the archive objects.
        timeout: longest wait of the database for a lock or a statement, in seconds. A batch waits
            as long for its commit to begin, and three times as long for its outcome.
        max_bytes: most uncompressed bytes that wait at a time; a single batch may be larger.
        disk: has to have room for records; None for no such check.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        timeout: float = DATABASE_TIMEOUT_SECONDS,
        max_bytes: int = MAX_PENDING_BYTES,
        disk: DiskReserve | None = None,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._disk = disk or DiskReserve([], 0)
        self._pending_count = 0
        self._pending_bytes = 0
        self._queue: queue.SimpleQueue[PendingCommit | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._isolated = IsolatedCommitter(self._commit_batches, self._deliver)

    def start(self) -> None:
        """Start the threads."""
        self._thread.start()
        self._isolated.start()

    def stop(self) -> None:
        """Commit what is pending, then end the threads."""
        self._queue.put(None)
        self._thread.join()
        self._isolated.stop()

    async def commit(self, batch: ValidatedBatch) -> IngestResult:
        """Return once the batch is durable: it survives a power loss.

        Raises:
            WireError: ``UNAVAILABLE``: the batch is not committed, unless the database or the
                storage hung and continued after the timeout. ``IDEMPOTENCY_KEY_REUSED``: another
                request with this key and another body was committed before.
        """
        size = len(batch.lines)
        full = self._pending_count >= MAX_PENDING or self._pending_bytes + size > self._max_bytes
        if full and self._pending_count:
            raise unavailable(_OVERLOADED)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[IngestResult] = loop.create_future()
        self._pending_count += 1
        self._pending_bytes += size
        deadline = time.monotonic() + self._timeout
        self._queue.put(PendingCommit(batch, future, loop, deadline))
        try:
            async with asyncio.timeout(3 * self._timeout):
                return await future
        except TimeoutError:
            raise unavailable(
                "The database or the storage does not answer in time. Try again: a record that is "
                "sent twice is kept once."
            ) from None

    def _deliver(self, pending: PendingCommit, outcome: IngestResult | Exception) -> None:
        with suppress(RuntimeError):  # the event loop is closed: the request is gone
            pending.loop.call_soon_threadsafe(self._resolve, pending, outcome)

    def _resolve(self, pending: PendingCommit, outcome: IngestResult | Exception) -> None:
        """Set the outcome, in the event loop of the request."""
        self._pending_count -= 1
        self._pending_bytes -= len(pending.batch.lines)
        if pending.future.cancelled():
            return
        if isinstance(outcome, Exception):
            pending.future.set_exception(outcome)
        else:
            pending.future.set_result(outcome)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            group, stopping = self._next_group()
            self._commit_group(group)

    def _next_group(self) -> tuple[list[PendingCommit], bool]:
        """Wait for a batch; return it and those queued behind it, and whether to stop after them.

        It drains a queue without waiting for more, which :mod:`everlake.batching` cannot.
        """
        group: list[PendingCommit] = []
        size = 0
        pending = self._queue.get()
        while pending is not None:
            group.append(pending)
            size += len(pending.batch.lines)
            if size >= GROUP_BYTES:
                return group, False
            try:
                pending = self._queue.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit_group(self, group: Sequence[PendingCommit]) -> None:
        in_time: list[PendingCommit] = []
        now = time.monotonic()
        for pending in group:
            # A request that gets a 503 should not be stored, as far as that can be avoided.
            if pending.future.cancelled() or now > pending.deadline:
                self._deliver(pending, unavailable(_OVERLOADED))
            else:
                in_time.append(pending)
        if in_time:
            self._store_and_commit(in_time)

    def _store_and_commit(self, group: Sequence[PendingCommit]) -> None:
        try:
            self._store_objects([pending.batch for pending in group])
        except Exception as error:  # noqa: BLE001 - the thread must go on, each request must end
            outcome = unavailable(str(error)) if isinstance(error, StorageError) else error
            for pending in group:
                self._deliver(pending, outcome)
            return
        together: list[PendingCommit] = []
        for pending in group:
            if self._isolated.has_workspace(pending.batch.row.workspace_id):
                self._isolated.add([pending])
            else:
                together.append(pending)
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
            # Objects without a row are removed by the worker's garbage collection.
            outcomes = [unavailable(str(error))] * len(group)
        except Exception as error:  # noqa: BLE001 - the thread must go on, each request must end
            outcomes = [error] * len(group)
        for pending, outcome in zip(group, outcomes, strict=True):
            self._deliver(pending, outcome)

    def _commit_batches(self, group: Sequence[PendingCommit]) -> list[CommitOutcome]:
        batches = [pending.batch for pending in group]
        return commit_batches(self._catalog, batches, self._timeout * _LOCK_TIMEOUT_SHARE)

    def _store_objects(self, batches: Sequence[ValidatedBatch]) -> None:
        self._disk.require_for_records()
        objects: list[tuple[str, bytes]] = []
        for batch in batches:
            if batch.row.landing_path is not None:
                objects.append((batch.row.landing_path, compress(batch.lines)))
            if batch.row.rejected_path is not None and batch.rejected_object is not None:
                objects.append((batch.row.rejected_path, batch.rejected_object))
        self._store.put_many(objects)
