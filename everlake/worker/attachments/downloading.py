"""Download worker: fetches attachments in parallel and stores their content.

One thread claims attachments and records outcomes, and others fetch. Contents that arrive at the
same time are synced together and recorded in one transaction. Large content is stored by the
thread that fetched it, so that no other content waits for it.
"""

import queue
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
from everlake.catalog.download_queue import ClaimTurns, FailedDownload, OutcomeCounts
from everlake.catalog.errors import CatalogError
from everlake.catalog.uploads import UploadRow
from everlake.logs import logger
from everlake.metrics import Metrics
from everlake.retry import RetryPolicy, with_jitter
from everlake.storage import DiskReserve, ObjectStore, StorageError, StorageUnavailable
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
"""Attachments in one claim for each that is fetched at the same time."""
_OUTCOMES_PER_COMMIT = 256
_LARGE_BYTES = 16 * 1024 * 1024
_STOP_SECONDS = 5.0
"""Time for threads to stop; one that waits for a name server cannot be interrupted."""
_LOCAL_FAILURE_DELAY_MS = 30_000
_POLL_SECONDS = 1.0
_COLLECT_SECONDS = 0.5

_log = logger()


class DownloadPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a worker's downloads.

    Attributes:
        concurrency: attachments that are fetched at the same time.
        host_concurrency: likewise, of each host.
        lease_ms: milliseconds a lease holds, unless renewed.
        retry: for attachments that could not be fetched.
    """

    concurrency: int
    host_concurrency: int
    lease_ms: int
    retry: RetryPolicy


class DownloadWorker:
    """Fetches the attachments that one worker has leased.

    Args:
        catalog: has the queue.
        store: takes the content.
        source: gets the content.
        spool: has content that is not stored yet.
        disk: has to have room for files before more are claimed.
        worker: name of this worker.
        policy: bounds of the downloads.
        stop: set when the worker ends.
        metrics: counts attempts and content.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        source: ContentSource,
        spool: Spool,
        disk: DiskReserve,
        *,
        worker: str,
        policy: DownloadPolicy,
        stop: threading.Event,
        metrics: Metrics,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._source = source
        self._spool = spool
        self._disk = disk
        self._owner = download_owner(worker)
        self._policy = policy
        self._metrics = metrics
        self._queue = FairQueue(policy.host_concurrency, policy.concurrency)
        self._outcomes: queue.SimpleQueue[DownloadOutcome] = queue.SimpleQueue()
        self._held: dict[str, AttachmentRow] = {}
        self._lock = threading.Lock()
        self._stop = stop
        self._turns = ClaimTurns()
        self._claim_again_at = 0.0
        self._look_again_at = 0.0
        self._storage_unavailable = False
        self._threads = [
            threading.Thread(target=self._fetch_loop, name=f"fetch-{number}", daemon=True)
            for number in range(policy.concurrency)
        ]

    def start(self) -> None:
        """Start the threads that fetch."""
        for thread in self._threads:
            thread.start()

    def run_once(self) -> bool:
        """Record the outcomes so far and claim more attachments.

        Returns:
            False where nothing was claimed, is being fetched, or has been recorded.

        Raises:
            CatalogUnavailable: a later call records the outcomes.
        """
        outcomes = self._collect_outcomes()
        if outcomes:
            self._record_outcomes(outcomes)
        return self._claim() or bool(outcomes or self._held)

    def renew(self) -> None:
        """Extend the leases."""
        with self._lock:
            held = list(self._held)
        if held:
            until = self._catalog.now_ms() + self._policy.lease_ms
            with self._catalog.transaction() as tx:
                download_queue.renew(tx, self._owner, held, until)

    def shut_down(self) -> None:
        """Record what the threads have fetched and give back the rest, once ``stop`` is set.

        Content that was fetched in part stays in the spool, where the next attempt resumes it.
        """
        self._queue.close()
        until = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with suppress(CatalogError):  # otherwise the leases run out
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
            except Exception as error:  # noqa: BLE001 - recorded as the outcome; the thread goes on
                result = error
            seconds = time.monotonic() - started
            done = row
            if isinstance(result, SpooledContent) and result.size >= _LARGE_BYTES:
                self._queue.done(row)
                done = None
                result = self._store_large(row, result)
                if isinstance(result, StorageError) and self._stop.is_set():
                    return  # the complete content stays in the spool for the next attempt
            self._outcomes.put(DownloadOutcome(row, result, seconds))

    def _store_large(
        self, row: AttachmentRow, content: SpooledContent
    ) -> SpooledContent | StorageError:
        """Store large content; return it, or the error. Storing it again does nothing."""
        try:
            self._store.put_files([content_entry(row, content)], stop=self._stop)
        except StorageError as error:
            return error
        return content

    def _fetch_content(self, row: AttachmentRow) -> SpooledContent | KnownContent | FetchError:
        if self._policy.retry.is_exhausted(row.attempts):
            return FetchError(
                FetchCode.GIVEN_UP,
                f"Given up after {row.attempts} attempts, during which the worker ended.",
            )
        return self._source.get(row, self._stop)

    def _collect_outcomes(self) -> list[DownloadOutcome]:
        """Return new outcomes; while content is being fetched, wait a moment for the first."""
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
                counts = download_queue.record_outcomes(
                    tx, owner=self._owner, now=now, completed=stored, failed=failed
                )
                stored_uploads = record_uploads(tx, outcomes)
        except CatalogError:
            for one in outcomes:
                self._outcomes.put(one)
            raise
        self._claim_again_at = 0.0
        with self._lock:
            for one in outcomes:
                self._held.pop(one.row.id, None)
        self._clean_up(outcomes, stored_uploads)
        self._update_metrics(outcomes, counts)

    def _store_content(self, outcomes: Sequence[DownloadOutcome]) -> list[DownloadOutcome]:
        """Store the content; return the outcomes, with an error where that failed."""
        files = dict(
            content_entry(one.row, one.result)
            for one in outcomes
            if isinstance(one.result, SpooledContent)
        )
        try:
            self._store.put_files(list(files.items()))
        except StorageError as error:
            if len(files) > 1 and not isinstance(error, StorageUnavailable):
                # The error may concern one content only: store each on its own.
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
            delay_ms = self._policy.retry.next_delay_ms(row.attempts, retryable=error.retryable)
            if delay_ms is not None and error.retry_after is not None:
                delay_ms = max(delay_ms, int(error.retry_after * 1000))
            return FailedDownload(
                id=row.id,
                batch_id=row.batch_id,
                code=error.code,
                message=as_sentence(error.message),
                due_at=None if delay_ms is None else now + delay_ms,
            )
        local = isinstance(error, SpoolError | StorageError | CatalogError)
        if local:
            _log.warning("download postponed", attachment=row.id, reason=str(error))
            delay_ms = with_jitter(_LOCAL_FAILURE_DELAY_MS)
        else:
            _log.error("download failed", attachment=row.id, exc_info=error)
            delay_ms = self._policy.retry.next_delay_ms(row.attempts, retryable=True)
        return FailedDownload(
            id=row.id,
            batch_id=row.batch_id,
            code=FetchCode.NOT_KEPT,
            message="Everlake could not store the file; its log says why."
            if delay_ms is None
            else "Everlake cannot store the file at the moment and tries again; its log says why.",
            due_at=None if delay_ms is None else now + delay_ms,
            counts_as_attempt=not local,
        )

    def _clean_up(
        self, outcomes: Sequence[DownloadOutcome], stored_uploads: Sequence[UploadRow]
    ) -> None:
        for one in outcomes:
            # Also complete content that could not be stored: if it were kept, each further attempt
            # would add another file, until the disk is full.
            if not (isinstance(one.result, FetchError) and one.result.retryable):
                with suppress(OSError):  # otherwise the spool's clean-up does it
                    self._spool.drop(one.row.id)
        for upload in stored_uploads:
            with suppress(StorageError):  # otherwise garbage collection does it
                delete_objects(self._store, upload.workspace_id, upload.id)

    def _update_metrics(self, outcomes: Sequence[DownloadOutcome], counts: OutcomeCounts) -> None:
        self._metrics.count_fetch_attempts("complete", counts.complete)
        self._metrics.count_fetch_attempts("failed", counts.failed)
        retried = len(outcomes) - counts.complete - counts.failed
        self._metrics.count_fetch_attempts("tried_again", retried)
        for one in outcomes:
            if isinstance(one.result, SpooledContent):
                self._metrics.record_fetched_attachment(one.result.size, one.seconds)
            if isinstance(one.result, FetchError):
                _log.info(
                    "download failed",
                    attachment=one.row.id,
                    host=one.row.host,
                    code=str(one.result.code),
                    attempt=one.row.attempts + 1,
                )

    def _claim(self) -> bool:
        """Claim attachments if the threads would soon have nothing to do, or once a second.

        Once a second, because a workspace that is not in the queue yet waits for no other's.
        """
        if self._stop.is_set() or time.monotonic() < self._claim_again_at:
            return False
        if not self._can_store():
            return False
        enough = self._queue.count_ready() >= self._policy.concurrency
        if enough and time.monotonic() < self._look_again_at:
            return False
        self._look_again_at = time.monotonic() + _POLL_SECONDS
        with self._catalog.autocommit() as tx:
            if not download_queue.is_due(tx, now=self._catalog.now_ms()):
                return False
        expired: list[str] = []
        with self._catalog.transaction() as tx:
            claimed = download_queue.claim(
                tx,
                owner=self._owner,
                now=self._catalog.now_ms(),
                lease_ms=self._policy.lease_ms,
                limit=self._policy.concurrency * _CLAIMS_PER_SLOT,
                host_limit=self._policy.host_concurrency * QUEUED_PER_SLOT,
                turns=self._turns,
                skip_workspaces=self._queue.full_workspaces(),
                skip_hosts=self._queue.full_hosts(),
                expired=expired,
            )
        self._metrics.count_lease_takeovers("attachment", len(expired))
        if not claimed:
            # What is due is leased by other workers, or its hosts have enough in the queue.
            self._claim_again_at = time.monotonic() + _POLL_SECONDS
            return False
        with self._lock:
            new = [row for row in claimed if row.id not in self._held]
            self._held.update((row.id, row) for row in new)
        self._queue.add(new)
        return True

    def _can_store(self) -> bool:
        """Return whether content can be stored; until it can, give back what is claimed."""
        try:
            self._disk.require_for_files()
        except StorageError:
            self._storage_unavailable = True
        return not self._storage_unavailable or self._storage_recovered()

    def _storage_recovered(self) -> bool:
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
            self._disk.require_for_files()
            self._store.check()
        except StorageError as error:
            _log.warning("downloads wait for storage", reason=str(error))
            self._claim_again_at = time.monotonic() + _POLL_SECONDS
            return False
        self._storage_unavailable = False
        return True


def download_owner(worker: str) -> str:
    """Return the name under which a worker leases attachments to fetch."""
    return lease_owner(worker, "fetch")
