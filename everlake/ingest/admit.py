"""The durable moment: landing objects synced, rows committed, then the 202.

Admissions that wait at the same time share one commit. The one thread here is the only place
of an API process that writes new batches.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from everlake.catalog.admission import Arrival, admit
from everlake.catalog.batches import NewBatch
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.idempotency import Remembered
from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest.asking import PATIENCE, unavailable
from everlake.landing.lines import compress
from everlake.storage import ObjectStore, StorageError

GROUP_BYTES = 32 * 1024 * 1024
"""Uncompressed bytes that one commit takes at most, so that its first is not kept waiting."""
_TOO_MUCH = "More comes in than the database and the storage can keep up with. Try again."
MOST_IN_HAND = 1_000
"""Admissions handed in and not yet settled."""
MOST_BYTES_IN_HAND = 4 * GROUP_BYTES
"""Their uncompressed bytes: one group at the database, and three behind it."""


class IdempotencyClaim(msgspec.Struct, frozen=True):
    """A request's ``Idempotency-Key`` and the SHA-256 of its body."""

    key: str
    body_hash: bytes


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """A judged batch on its way in.

    ``lines`` are the accepted records, not yet compressed; ``refused`` is compressed.
    ``receipt`` is the answer's body. Only a claim that is given is remembered.
    """

    batch: NewBatch
    lines: bytes
    refused: bytes | None
    receipt: bytes
    claim: IdempotencyClaim | None


class Admitted(msgspec.Struct, frozen=True):
    """The answer's body, and whether it is that of an earlier request."""

    receipt: bytes
    replayed: bool


_Outcome = Admitted | WireError


class _Waiting(msgspec.Struct, frozen=True):
    admission: Admission
    future: asyncio.Future[Admitted]
    loop: asyncio.AbstractEventLoop
    until: float


def key_reused() -> WireError:
    """The 400 for an idempotency key that came before with another body."""
    return WireError(
        ErrorCode.IDEMPOTENCY_KEY_REUSED,
        "This Idempotency-Key was used for another body: use a new key for new records.",
    )


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
        self._store = store
        self._patience = patience
        self._most_bytes = most_bytes
        self._count = 0
        self._bytes = 0
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="admitter", daemon=True)

    def start(self) -> None:
        """Begin to take admissions."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what was handed in, then end."""
        self._queue.put(None)
        self._thread.join()

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
        self._queue.put(_Waiting(admission, future, loop, until))
        try:
            async with asyncio.timeout(3 * self._patience):
                return await future
        except TimeoutError:
            raise unavailable(
                "The database or the storage does not answer in time. Try again: records that "
                "come twice are kept once."
            ) from None

    def _tell(self, waiting: _Waiting, outcome: Admitted | Exception) -> None:
        with suppress(RuntimeError):  # its event loop is closed, and nobody waits there
            waiting.loop.call_soon_threadsafe(self._settled, waiting, outcome)

    def _settled(self, waiting: _Waiting, outcome: Admitted | Exception) -> None:
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

    def _settle(self, group: Sequence[_Waiting]) -> None:
        waited_for: list[_Waiting] = []
        now = time.monotonic()
        for waiting in group:
            # Not what is told 503 while it is stored, if that can be helped.
            if waiting.future.cancelled() or now > waiting.until:
                self._tell(waiting, unavailable(_TOO_MUCH))
            else:
                waited_for.append(waiting)
        if waited_for:
            self._make_durable(waited_for)

    def _make_durable(self, group: Sequence[_Waiting]) -> None:
        admissions = [waiting.admission for waiting in group]
        outcomes: Sequence[_Outcome]
        try:
            self._store_objects(admissions)
            outcomes = self._commit(admissions)
        except (StorageError, CatalogError) as error:
            # What was written has no row: the sweep removes it.
            outcomes = [unavailable(str(error))] * len(group)
        except Exception as error:  # noqa: BLE001 - the thread must live, each caller must hear
            for waiting in group:
                self._tell(waiting, error)
            return
        for waiting, outcome in zip(group, outcomes, strict=True):
            self._tell(waiting, outcome)

    def _store_objects(self, admissions: Sequence[Admission]) -> None:
        objects: list[tuple[str, bytes]] = []
        for admission in admissions:
            if admission.batch.landing_path is not None:
                objects.append((admission.batch.landing_path, compress(admission.lines)))
            if admission.batch.rejected_path is not None and admission.refused is not None:
                objects.append((admission.batch.rejected_path, admission.refused))
        self._store.put_many(objects)

    def _commit(self, admissions: Sequence[Admission]) -> list[_Outcome]:
        arrivals = [Arrival(one.batch, _answer(one)) for one in admissions]
        known = admit(self._catalog, arrivals)
        return [_outcome(one, earlier) for one, earlier in zip(admissions, known, strict=True)]


def _answer(admission: Admission) -> Remembered | None:
    if admission.claim is None:
        return None
    return Remembered(
        key=admission.claim.key,
        body_hash=admission.claim.body_hash,
        response=admission.receipt,
        batch_id=admission.batch.id,
        created_at=admission.batch.created_at,
    )


def _outcome(admission: Admission, earlier: Remembered | None) -> _Outcome:
    """The answer; or what to say where its key came first elsewhere."""
    if earlier is None:
        return Admitted(admission.receipt, replayed=False)
    if admission.claim is None or earlier.body_hash != admission.claim.body_hash:
        return key_reused()
    return Admitted(earlier.response, replayed=True)
