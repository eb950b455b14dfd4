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

from everlake.attachments.errors import FetchCode, FetchError, FetchStopped, SpoolError
from everlake.attachments.spooling.spool import Spool
from everlake.attachments.types import SpooledContent
from everlake.attachments.uploads.content import delete_objects
from everlake.catalog import download_queue
from everlake.catalog.attachments import AttachmentRow
from everlake.catalog.database import Catalog
from everlake.catalog.download_queue import FailedDownload, OutcomeCounts
from everlake.catalog.errors import CatalogError
from everlake.catalog.uploads import UploadRow
from everlake.logs import logger
from everlake.metrics import Metrics
from everlake.storage import ObjectStore, StorageError, StorageUnavailable
from everlake.worker.attachments.content_source import ContentSource, KnownContent
from everlake.worker.attachments.fair_queue import QUEUED_PER_SLOT, FairQueue
from everlake.worker.attachments.messages import as_sentence
from everlake.worker.attachments.outcomes import (
    DownloadOutcome,
    completed_download,
    content_entry,
    has_content,
    record_uploads,
)
from everlake.worker.types import lease_owner

_CLAIMS_PER_SLOT = 16
"""Claimed at a time for each that can be fetched at a time."""
_OUTCOMES_PER_COMMIT = 256
_LARGE_BYTES = 16 * 1024 * 1024
_STOP_SECONDS = 5.0
"""For threads to stop in: one that waits for a name server cannot be told to."""
_MAX_DELAY_MS = 600_000
_LOCAL_FAILURE_DELAY_MS = 30_000
_POLL_SECONDS = 1.0
_COLLECT_SECONDS = 0.5

_log = logger()


class DownloadPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How many at once, and how patiently. ``retry_ms`` doubles after each further failure."""

    concurrency: int
    host_concurrency: int
    lease_ms: int
    retry_ms: int
    max_attempts: int


class DownloadWorker:
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
        source: ContentSource,
        spool: Spool,
        *,
        worker: str,
        policy: DownloadPolicy,
        stop: threading.Event,
        meters: Metrics,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._source = source
        self._spool = spool
        self._owner = download_owner(worker)
        self._policy = policy
        self._meters = meters
        self._queue = FairQueue(policy.host_concurrency)
        self._outcomes: queue.SimpleQueue[DownloadOutcome] = queue.SimpleQueue()
        self._held: dict[str, AttachmentRow] = {}
        self._lock = threading.Lock()
        self._stop = stop
        self._last_host = ""
        self._claim_again_at = 0.0
        self._storage_unavailable = False
        self._threads = [
            threading.Thread(target=self._fetch_loop, name=f"fetch-{number}", daemon=True)
            for number in range(policy.concurrency)
        ]

    def start(self) -> None:
        """Let the threads wait for what is claimed."""
        for thread in self._threads:
            thread.start()

    def run_once(self) -> bool:
        """Settle what has come and claim more; False where there is nothing to wait for.

        Raises:
            CatalogUnavailable: what has come is settled by a later turn.
        """
        outcomes = self._collect_outcomes()
        if outcomes:
            self._record_outcomes(outcomes)
        return self._claim() or bool(outcomes or self._held)

    def renew(self) -> None:
        """Keep the claims."""
        with self._lock:
            held = list(self._held)
        if held:
            until = self._catalog.now_ms() + self._policy.lease_ms
            with self._catalog.transaction() as tx:
                download_queue.renew(tx, self._owner, held, until)

    def shut_down(self) -> None:
        """When ``stop`` is set: settle what the threads have, and hand back the rest.

        What was fetched in part lies in the spool, and whoever goes on from here begins there.
        """
        self._queue.close()
        until = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with suppress(CatalogError):  # else the leases run out
            while outcomes := self._collect_outcomes():
                self._record_outcomes(outcomes)
            with self._catalog.transaction() as tx:
                download_queue.release(
                    tx, list(self._held), owner=self._owner, due_at=self._catalog.now_ms()
                )

    def _fetch_loop(self) -> None:
        done: AttachmentRow | None = None
        while (row := self._queue.take(done)) is not None:
            started = time.monotonic()
            try:
                result = self._fetch_content(row)
            except FetchStopped:
                return
            except Exception as error:  # noqa: BLE001 - the thread must live, the row be settled
                result = error
            seconds = time.monotonic() - started
            done = row
            if isinstance(result, SpooledContent) and result.size >= _LARGE_BYTES:
                self._queue.done(row)
                done = None
                result = self._store_large(row, result)
                if isinstance(result, StorageError) and self._stop.is_set():
                    return  # it lies in the spool, whole, for whoever goes on
            self._outcomes.put(DownloadOutcome(row, result, seconds))

    def _store_large(
        self, row: AttachmentRow, content: SpooledContent
    ) -> SpooledContent | StorageError:
        """The content, once it is where it belongs; storing it again then does nothing."""
        try:
            self._store.put_files([content_entry(row, content)], stop=self._stop)
        except StorageError as error:
            return error
        return content

    def _fetch_content(self, row: AttachmentRow) -> SpooledContent | KnownContent | FetchError:
        if row.attempts >= self._policy.max_attempts:
            # Every try ended with its worker.
            return FetchError(
                FetchCode.GIVEN_UP,
                f"Given up after {row.attempts} tries, in which the worker ended.",
            )
        return self._source.get(row, self._stop)

    def _collect_outcomes(self) -> list[DownloadOutcome]:
        """What has come; waits a moment for the first where something is under way."""
        found: list[DownloadOutcome] = []
        with suppress(queue.Empty):
            if self._held and not self._stop.is_set():
                found.append(self._outcomes.get(timeout=_COLLECT_SECONDS))
            while len(found) < _OUTCOMES_PER_COMMIT:
                found.append(self._outcomes.get_nowait())
        return found

    def _record_outcomes(self, outcomes: Sequence[DownloadOutcome]) -> None:
        outcomes = self._store_content(outcomes)
        self._storage_unavailable |= any(
            isinstance(one.result, StorageUnavailable) for one in outcomes
        )
        now = self._catalog.now_ms()
        stored = [
            completed_download(one.row, one.result)
            for one in outcomes
            if isinstance(one.result, SpooledContent | KnownContent)
        ]
        failed = [self._failed_download(one, now) for one in outcomes if not has_content(one)]
        try:
            with self._catalog.transaction() as tx:
                settled = download_queue.record_outcomes(
                    tx, owner=self._owner, now=now, completed=stored, failed=failed
                )
                taken_in = record_uploads(tx, outcomes)
        except CatalogError:
            for one in outcomes:
                self._outcomes.put(one)
            raise
        self._claim_again_at = 0.0
        with self._lock:
            for one in outcomes:
                self._held.pop(one.row.id, None)
        self._clean_up(outcomes, taken_in)
        self._update_metrics(outcomes, settled)

    def _store_content(self, outcomes: Sequence[DownloadOutcome]) -> list[DownloadOutcome]:
        """Put the content where it belongs; what cannot be put there is an error of ours."""
        files = dict(
            content_entry(one.row, one.result)
            for one in outcomes
            if isinstance(one.result, SpooledContent)
        )
        try:
            self._store.put_files(list(files.items()))
        except StorageError as error:
            if len(files) > 1 and not isinstance(error, StorageUnavailable):
                # It is about one of them, and the others are not to wait for that.
                return [stored for one in outcomes for stored in self._store_content([one])]
            return [
                msgspec.structs.replace(one, result=error)
                if isinstance(one.result, SpooledContent)
                else one
                for one in outcomes
            ]
        return list(outcomes)

    def _failed_download(self, one: DownloadOutcome, now: int) -> FailedDownload:
        row, error = one.row, one.result
        if isinstance(error, FetchError):
            last = not error.retryable or row.attempts + 1 >= self._policy.max_attempts
            wait = self._delay_ms(row.attempts)
            if error.retry_after is not None:
                wait = max(wait, int(error.retry_after * 1000))
            return FailedDownload(
                id=row.id,
                batch_id=row.batch_id,
                code=error.code,
                message=as_sentence(error.message),
                due_at=None if last else now + wait,
            )
        ours = isinstance(error, SpoolError | StorageError | CatalogError)
        if ours:
            _log.warning("attachment waits", attachment=row.id, reason=str(error))
        else:
            _log.error("attachment not fetched", attachment=row.id, exc_info=error)
        last = not ours and row.attempts + 1 >= self._policy.max_attempts
        wait = self._delay_ms(row.attempts)
        return FailedDownload(
            id=row.id,
            batch_id=row.batch_id,
            code=FetchCode.NOT_KEPT,
            message="Everlake could not keep the file; its log says why."
            if last
            else "Everlake cannot keep the file just now and tries again; its log says why.",
            due_at=None
            if last
            else now + (_with_jitter(_LOCAL_FAILURE_DELAY_MS) if ours else wait),
            counts_as_attempt=not ours,
        )

    def _delay_ms(self, attempts: int) -> int:
        return _with_jitter(min(self._policy.retry_ms << min(attempts, 20), _MAX_DELAY_MS))

    def _clean_up(self, outcomes: Sequence[DownloadOutcome], taken_in: Sequence[UploadRow]) -> None:
        for one in outcomes:
            # Also of whole content that could not be stored: were it kept, each further try
            # would put another file beside it, until the disk is full.
            if not (isinstance(one.result, FetchError) and one.result.retryable):
                with suppress(OSError):  # else a sweep does it
                    self._spool.drop(one.row.id)
        for upload in taken_in:
            with suppress(StorageError):  # else a sweep does it
                delete_objects(self._store, upload.workspace_id, upload.id)

    def _update_metrics(self, outcomes: Sequence[DownloadOutcome], settled: OutcomeCounts) -> None:
        self._meters.count_fetch_attempts("complete", settled.complete)
        self._meters.count_fetch_attempts("failed", settled.failed)
        again = len(outcomes) - settled.complete - settled.failed
        self._meters.count_fetch_attempts("tried_again", again)
        for one in outcomes:
            if isinstance(one.result, SpooledContent):
                self._meters.record_fetched_attachment(one.result.size, one.seconds)
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
        if self._storage_unavailable and not self._storage_recovered():
            return False
        if self._queue.count_ready() >= self._policy.concurrency:
            return False
        with self._catalog.autocommit() as tx:
            if not download_queue.is_due(tx, now=self._catalog.now_ms()):
                return False
        taken_over: list[str] = []
        with self._catalog.transaction() as tx:
            claimed = download_queue.claim(
                tx,
                owner=self._owner,
                now=self._catalog.now_ms(),
                lease_ms=self._policy.lease_ms,
                limit=self._policy.concurrency * _CLAIMS_PER_SLOT,
                host_limit=self._policy.host_concurrency * QUEUED_PER_SLOT,
                after_host=self._last_host,
                skip_hosts=self._queue.full_hosts(),
                expired=taken_over,
            )
        self._meters.count_lease_takeovers("attachment", len(taken_over))
        if not claimed:
            # What is due is others', or of hosts that have enough.
            self._claim_again_at = time.monotonic() + _POLL_SECONDS
            return False
        self._last_host = claimed[-1].host
        with self._lock:
            again = [row for row in claimed if row.id not in self._held]
            self._held.update((row.id, row) for row in again)
        self._queue.add(again)
        return True

    def _storage_recovered(self) -> bool:
        """Whether content can be kept again; until then what was claimed is handed back."""
        if waiting := self._queue.clear():
            ids = [row.id for row in waiting]
            try:
                with self._catalog.transaction() as tx:
                    download_queue.release(
                        tx, ids, owner=self._owner, due_at=self._catalog.now_ms()
                    )
            except CatalogError:
                self._queue.add(waiting)
                raise
            with self._lock:
                for each in ids:
                    self._held.pop(each, None)
        try:
            self._store.check()
        except StorageError as error:
            _log.warning("fetching waits for storage", reason=str(error))
            self._claim_again_at = time.monotonic() + _POLL_SECONDS
            return False
        self._storage_unavailable = False
        return True


def download_owner(worker: str) -> str:
    """The name under which a worker holds attachments that it fetches."""
    return lease_owner(worker, "fetch")


def _with_jitter(wait_ms: int) -> int:
    """Not all at the same moment, since they often failed at the same moment."""
    return int(wait_ms * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
