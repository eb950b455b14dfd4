"""Attachments from the outside into the storage: claimed, fetched side by side, settled together.

One thread claims and settles, and others fetch. Content that comes in at the same time is synced
and written down in one go, as batches are admitted; large content is stored by the thread that
fetched it, so that no other waits for it.
"""

import queue
import random
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from everlake.attachments.errors import FetchCode, FetchError, SpoolFailed, Stopped
from everlake.attachments.spool import Spool
from everlake.attachments.uploads import remove
from everlake.attachments.values import Fetched
from everlake.catalog import downloads
from everlake.catalog.attachments import AttachmentRow
from everlake.catalog.downloads import Failed, Settled
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.uploads import UploadRow
from everlake.logs import logger
from everlake.metrics import Meters
from everlake.storage import ObjectStore, StorageError, StorageUnavailable
from everlake.worker.attachments.lineup import ENOUGH, Lineup
from everlake.worker.attachments.obtaining import Known, Obtainer
from everlake.worker.attachments.outcomes import (
    Outcome,
    has_content,
    note_uploads,
    place_of,
    stored_of,
)
from everlake.worker.attachments.wording import sentence
from everlake.worker.queue import owner_of

_AHEAD = 16
"""Claimed at a time for each that can be fetched at a time."""
_SETTLED_AT_ONCE = 256
_LARGE = 16 * 1024 * 1024
_STOP_SECONDS = 5.0
"""For threads to stop in: one that waits for a name server cannot be told to."""
_LONGEST_WAIT_MS = 600_000
_WAIT_FOR_OURSELVES_MS = 30_000
_LOOK_AGAIN_SECONDS = 1.0
_COLLECT_SECONDS = 0.5

_log = logger()


class FetchingPace(msgspec.Struct, frozen=True, kw_only=True):
    """How many at once, and how patiently. ``retry_ms`` doubles after each further failure."""

    at_once: int
    at_once_per_host: int
    lease_ms: int
    retry_ms: int
    max_attempts: int


class Fetching:
    """One worker's share of the attachments.

    Args:
        catalog: has the queue.
        store: takes the content.
        obtainer: gets the content.
        spool: where it is put together.
        worker: this worker's name.
        pace: how many, and how patiently.
        stop: set when the worker ends.
        meters: count what comes in.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        obtainer: Obtainer,
        spool: Spool,
        *,
        worker: str,
        pace: FetchingPace,
        stop: threading.Event,
        meters: Meters,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._obtainer = obtainer
        self._spool = spool
        self._owner = fetcher_of(worker)
        self._pace = pace
        self._meters = meters
        self._lineup = Lineup(pace.at_once_per_host)
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._held: dict[str, AttachmentRow] = {}
        self._lock = threading.Lock()
        self._stop = stop
        self._last_host = ""
        self._claim_again_at = 0.0
        self._storage_away = False
        self._threads = [
            threading.Thread(target=self._fetch_all, name=f"fetch-{number}", daemon=True)
            for number in range(pace.at_once)
        ]

    def start(self) -> None:
        """Let the threads wait for what is claimed."""
        for thread in self._threads:
            thread.start()

    def turn(self) -> bool:
        """Settle what has come and claim more; False where there is nothing to wait for.

        Raises:
            CatalogUnavailable: what has come is settled by a later turn.
        """
        outcomes = self._collect()
        if outcomes:
            self._settle(outcomes)
        return self._claim() or bool(outcomes or self._held)

    def renew(self) -> None:
        """Keep the claims."""
        with self._lock:
            held = list(self._held)
        if held:
            until = self._catalog.now_ms() + self._pace.lease_ms
            with self._catalog.write() as tx:
                downloads.renew(tx, self._owner, held, until)

    def leave(self) -> None:
        """When ``stop`` is set: settle what the threads have, and hand back the rest.

        What was fetched in part lies in the spool, and whoever goes on from here begins there.
        """
        self._lineup.close()
        until = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with suppress(CatalogError):  # else the leases run out
            while outcomes := self._collect():
                self._settle(outcomes)
            with self._catalog.write() as tx:
                downloads.release(
                    tx, list(self._held), owner=self._owner, due_at=self._catalog.now_ms()
                )

    def _fetch_all(self) -> None:
        done: AttachmentRow | None = None
        while (row := self._lineup.take(done)) is not None:
            started = time.monotonic()
            try:
                result = self._fetch(row)
            except Stopped:
                return
            except Exception as error:  # noqa: BLE001 - the thread must live, the row be settled
                result = error
            seconds = time.monotonic() - started
            done = row
            if isinstance(result, Fetched) and result.size >= _LARGE:
                self._lineup.done(row)
                done = None
                result = self._stored_apart(row, result)
                if isinstance(result, StorageError) and self._stop.is_set():
                    return  # it lies in the spool, whole, for whoever goes on
            self._outcomes.put(Outcome(row, result, seconds))

    def _stored_apart(self, row: AttachmentRow, content: Fetched) -> Fetched | StorageError:
        """The content, once it is where it belongs; storing it again then does nothing."""
        try:
            self._store.put_files([place_of(row, content)], stop=self._stop)
        except StorageError as error:
            return error
        return content

    def _fetch(self, row: AttachmentRow) -> Fetched | Known | FetchError:
        if row.attempts >= self._pace.max_attempts:
            # Every try ended with its worker.
            return FetchError(
                FetchCode.GIVEN_UP,
                f"Given up after {row.attempts} tries, in which the worker ended.",
            )
        return self._obtainer.obtain(row, self._stop)

    def _collect(self) -> list[Outcome]:
        """What has come; waits a moment for the first where something is under way."""
        found: list[Outcome] = []
        with suppress(queue.Empty):
            if self._held and not self._stop.is_set():
                found.append(self._outcomes.get(timeout=_COLLECT_SECONDS))
            while len(found) < _SETTLED_AT_ONCE:
                found.append(self._outcomes.get_nowait())
        return found

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        outcomes = self._store_content(outcomes)
        self._storage_away |= any(isinstance(one.result, StorageUnavailable) for one in outcomes)
        now = self._catalog.now_ms()
        stored = [
            stored_of(one.row, one.result)
            for one in outcomes
            if isinstance(one.result, Fetched | Known)
        ]
        failed = [self._failed(one, now) for one in outcomes if not has_content(one)]
        try:
            with self._catalog.write() as tx:
                settled = downloads.settle(
                    tx, owner=self._owner, now=now, stored=stored, failed=failed
                )
                taken_in = note_uploads(tx, outcomes)
        except CatalogError:
            for one in outcomes:
                self._outcomes.put(one)
            raise
        self._claim_again_at = 0.0
        with self._lock:
            for one in outcomes:
                self._held.pop(one.row.id, None)
        self._tidy(outcomes, taken_in)
        self._count(outcomes, settled)

    def _store_content(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Put the content where it belongs; what cannot be put there is an error of ours."""
        files = dict(
            place_of(one.row, one.result) for one in outcomes if isinstance(one.result, Fetched)
        )
        try:
            self._store.put_files(list(files.items()))
        except StorageError as error:
            if len(files) > 1 and not isinstance(error, StorageUnavailable):
                # It is about one of them, and the others are not to wait for that.
                return [stored for one in outcomes for stored in self._store_content([one])]
            return [
                msgspec.structs.replace(one, result=error)
                if isinstance(one.result, Fetched)
                else one
                for one in outcomes
            ]
        return list(outcomes)

    def _failed(self, one: Outcome, now: int) -> Failed:
        row, error = one.row, one.result
        if isinstance(error, FetchError):
            last = not error.passes or row.attempts + 1 >= self._pace.max_attempts
            wait = self._wait_ms(row.attempts)
            if error.retry_after is not None:
                wait = max(wait, int(error.retry_after * 1000))
            return Failed(
                id=row.id,
                batch_id=row.batch_id,
                code=error.code,
                message=sentence(error.message),
                due_at=None if last else now + wait,
            )
        ours = isinstance(error, SpoolFailed | StorageError | CatalogError)
        if ours:
            _log.warning("attachment waits", attachment=row.id, reason=str(error))
        else:
            _log.error("attachment not fetched", attachment=row.id, exc_info=error)
        last = not ours and row.attempts + 1 >= self._pace.max_attempts
        wait = self._wait_ms(row.attempts)
        return Failed(
            id=row.id,
            batch_id=row.batch_id,
            code=FetchCode.NOT_KEPT,
            message="Everlake could not keep the file; its log says why."
            if last
            else "Everlake cannot keep the file just now and tries again; its log says why.",
            due_at=None if last else now + (_jittered(_WAIT_FOR_OURSELVES_MS) if ours else wait),
            counts=not ours,
        )

    def _wait_ms(self, attempts: int) -> int:
        return _jittered(min(self._pace.retry_ms << min(attempts, 20), _LONGEST_WAIT_MS))

    def _tidy(self, outcomes: Sequence[Outcome], taken_in: Sequence[UploadRow]) -> None:
        for one in outcomes:
            # Also of whole content that could not be stored: were it kept, each further try
            # would put another file beside it, until the disk is full.
            if not (isinstance(one.result, FetchError) and one.result.passes):
                with suppress(OSError):  # else a sweep does it
                    self._spool.drop(one.row.id)
        for upload in taken_in:
            with suppress(StorageError):  # else a sweep does it
                remove(self._store, upload.workspace_id, upload.id)

    def _count(self, outcomes: Sequence[Outcome], settled: Settled) -> None:
        self._meters.attachments_settled("complete", settled.complete)
        self._meters.attachments_settled("failed", settled.failed)
        again = len(outcomes) - settled.complete - settled.failed
        self._meters.attachments_settled("tried_again", again)
        for one in outcomes:
            if isinstance(one.result, Fetched):
                self._meters.attachment_fetched(one.result.size, one.seconds)
            if isinstance(one.result, FetchError):
                _log.info(
                    "attachment not fetched",
                    attachment=one.row.id,
                    host=one.row.host,
                    code=str(one.result.code),
                    attempt=one.row.attempts + 1,
                )

    def _claim(self) -> bool:
        """Claim some where threads would have nothing to do soon."""
        if self._stop.is_set() or time.monotonic() < self._claim_again_at:
            return False
        if self._storage_away and not self._storage_back():
            return False
        if self._lineup.ready() >= self._pace.at_once:
            return False
        with self._catalog.look() as tx:
            if not downloads.is_due(tx, now=self._catalog.now_ms()):
                return False
        taken_over: list[str] = []
        with self._catalog.write() as tx:
            claimed = downloads.claim(
                tx,
                owner=self._owner,
                now=self._catalog.now_ms(),
                lease_ms=self._pace.lease_ms,
                most=self._pace.at_once * _AHEAD,
                most_per_host=self._pace.at_once_per_host * ENOUGH,
                after=self._last_host,
                full=self._lineup.full(),
                taken_over=taken_over,
            )
        self._meters.stole("attachment", len(taken_over))
        if not claimed:
            # What is due is others', or of hosts that have enough.
            self._claim_again_at = time.monotonic() + _LOOK_AGAIN_SECONDS
            return False
        self._last_host = claimed[-1].host
        with self._lock:
            again = [row for row in claimed if row.id not in self._held]
            self._held.update((row.id, row) for row in again)
        self._lineup.add(again)
        return True

    def _storage_back(self) -> bool:
        """Whether content can be kept again; until then what was claimed is handed back."""
        if waiting := self._lineup.clear():
            ids = [row.id for row in waiting]
            try:
                with self._catalog.write() as tx:
                    downloads.release(tx, ids, owner=self._owner, due_at=self._catalog.now_ms())
            except CatalogError:
                self._lineup.add(waiting)
                raise
            with self._lock:
                for each in ids:
                    self._held.pop(each, None)
        try:
            self._store.check()
        except StorageError as error:
            _log.warning("fetching waits for storage", reason=str(error))
            self._claim_again_at = time.monotonic() + _LOOK_AGAIN_SECONDS
            return False
        self._storage_away = False
        return True


def fetcher_of(worker: str) -> str:
    """The name under which a worker holds attachments that it fetches."""
    return owner_of(worker, "fetch")


def _jittered(wait_ms: int) -> int:
    """Not all at the same moment, since they often failed at the same moment."""
    return int(wait_ms * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
