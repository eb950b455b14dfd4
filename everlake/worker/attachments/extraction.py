"""Extraction worker: claims stored files, reads or transcribes them, and stores their texts."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from everlake.attachments.errors import FetchError, SpoolError
from everlake.attachments.extraction.codec import encode
from everlake.attachments.extraction.errors import (
    ExtractionStopped,
    RecordingDetected,
    TextCode,
    TextError,
)
from everlake.attachments.extraction.extractor import Extractor
from everlake.attachments.extraction.types import AttachmentText
from everlake.attachments.paths import content_path, text_path
from everlake.attachments.spooling.spool import Spool
from everlake.catalog import attachments, texts
from everlake.catalog.attachments import AttachmentRow
from everlake.catalog.database import Catalog
from everlake.catalog.jobs import JobKind, JobRow
from everlake.jobs.queue import JobQueue
from everlake.jobs.types import JobFailure
from everlake.logs import logger
from everlake.metrics import Metrics
from everlake.retry import RetryPolicy
from everlake.storage import ObjectMissing, ObjectStore, StorageError
from everlake.worker.attachments.messages import as_sentence

_LOCAL_FAILURE_DELAY_MS = 5_000

_log = logger()


class _Outcomes(msgspec.Struct, kw_only=True):
    """Claimed jobs by how their attempts ended; those in ``unfinished`` had none."""

    done: list[JobRow] = []
    recordings: list[JobRow] = []
    failures: list[JobFailure] = []
    unfinished: list[JobRow] = []


class _GivenUp(Exception):
    """Each attempt at the file ended with its worker."""


class ExtractionWorker:
    """Extracts and transcribes texts. :meth:`run_once` may run in several threads.

    Recordings take minutes where other files take a tenth of a second, so they are jobs of another
    kind, for other threads. Whether a file is a recording shows when it is opened, since stated
    names and types are often wrong.

    Args:
        queue: has the jobs.
        catalog: has the attachments.
        store: has the content, and takes the texts.
        spool: takes copies of content that is not in local files.
        retry_policy: for files that could not be read.
        metrics: counts the attempts.
        transcribes: whether a recording becomes a job of its own kind, or has no text.
    """

    def __init__(
        self,
        queue: JobQueue,
        catalog: Catalog,
        store: ObjectStore,
        spool: Spool,
        *,
        retry_policy: RetryPolicy,
        metrics: Metrics,
        transcribes: bool = False,
    ) -> None:
        self._queue = queue
        self._catalog = catalog
        self._store = store
        self._spool = spool
        self._retry_policy = retry_policy
        self._metrics = metrics
        self._transcribes = transcribes

    def run_once(
        self,
        extractor: Extractor,
        stop: threading.Event,
        kind: JobKind = JobKind.EXTRACT_TEXT,
    ) -> bool:
        """Claim a job and do it.

        Args:
            extractor: reads the files.
            stop: when set, ends the attempt and gives the job back.
            kind: ``EXTRACT_TEXT`` or ``TRANSCRIBE_RECORDING``.

        Returns:
            False where there was no job.

        Raises:
            CatalogUnavailable: the job is claimed again when its lease runs out.
        """
        # One at a time: jobs that wait behind a slow one could be done by another thread.
        with self._queue.claimed(kind, limit=1) as claimed:
            if claimed:
                self._record(self._extract_all(claimed, extractor, stop), stop)
            return bool(claimed)

    def _extract_all(
        self, claimed: Sequence[JobRow], extractor: Extractor, stop: threading.Event
    ) -> _Outcomes:
        with self._catalog.autocommit() as tx:
            rows = attachments.get_many(tx, [job.subject for job in claimed])
        outcomes = _Outcomes()
        for job in claimed:
            if stop.is_set():
                outcomes.unfinished.append(job)
                continue
            try:
                if job.subject in rows:
                    self._extract(job, rows[job.subject], extractor, stop)
                outcomes.done.append(job)
            except Exception as error:  # noqa: BLE001 - the next file is read all the same
                self._add_failure(job, error, outcomes)
        return outcomes

    def _extract(
        self, job: JobRow, row: AttachmentRow, extractor: Extractor, stop: threading.Event
    ) -> None:
        """Store the text of a file, unless the same content was read before."""
        sha256, mime_type = row.sha256 or "", row.mime_type or ""
        path = text_path(row.workspace_id, sha256)
        with suppress(ObjectMissing):
            self._store.size(path)
            return
        if self._retry_policy.is_exhausted(job.attempts):
            raise _GivenUp
        content = self._store.local_path(content_path(row.workspace_id, sha256))
        try:
            if content is None:
                content = self._copy_to_spool(row, sha256)
            text = extractor.extract(content, mime_type=mime_type, filename=row.filename, stop=stop)
        finally:
            self._spool.drop(_spool_name(row))
        self._store_text(path, text)

    def _copy_to_spool(self, row: AttachmentRow, sha256: str) -> Path:
        content = self._store.read(content_path(row.workspace_id, sha256))
        return self._spool.receive_file(_spool_name(row), content, row.size or 0)

    def _store_text(self, path: str, text: AttachmentText) -> None:
        try:
            self._store.put_many([(path, encode(text))])
        except StorageError:
            with suppress(ObjectMissing):  # another worker has just stored a text of this content
                self._store.size(path)
                return
            raise

    def _add_failure(self, job: JobRow, error: Exception, outcomes: _Outcomes) -> None:
        if isinstance(error, RecordingDetected) and self._transcribes:
            outcomes.recordings.append(job)
        elif (failure := _job_failure(job, error)) is not None:
            outcomes.failures.append(failure)
        else:
            _log.warning("text extraction postponed", attachment=job.subject, reason=str(error))
            outcomes.unfinished.append(job)

    def _record(self, outcomes: _Outcomes, stop: threading.Event) -> None:
        with self._queue.transaction() as tx:
            texts.mark_extracted(tx.connection, tx.complete(outcomes.done), now=tx.now)
            texts.mark_recordings(tx.connection, tx.complete(outcomes.recordings), now=tx.now)
            failed = tx.retry_or_fail(outcomes.failures, self._retry_policy)
            texts.note_failures(tx.connection, failed)
            tx.release(
                outcomes.unfinished, delay_ms=0 if stop.is_set() else _LOCAL_FAILURE_DELAY_MS
            )
        retried = sum(one.due_at is not None for one in failed)
        self._metrics.count_extraction_attempts("complete", len(outcomes.done))
        self._metrics.count_extraction_attempts("tried_again", retried)
        self._metrics.count_extraction_attempts("failed", len(failed) - retried)


def _job_failure(job: JobRow, error: Exception) -> JobFailure | None:
    """Return the failure to record; None where the file is not the cause."""
    if isinstance(error, TextError):
        if error.code is TextCode.UNAVAILABLE:
            _log.warning("text extraction unavailable", attachment=job.subject, reason=str(error))
        return JobFailure(
            job=job,
            code=error.code.value,
            message=as_sentence(error.message),
            retryable=error.retryable,
        )
    if isinstance(error, _GivenUp):
        message = "Reading the file was given up: the worker ended during each attempt."
        return JobFailure(job=job, code="GIVEN_UP", message=message)
    if isinstance(error, ObjectMissing | FetchError):
        message = "The stored file is missing or has changed: send the record again."
        return JobFailure(job=job, code="CONTENT_LOST", message=message)
    if isinstance(error, ExtractionStopped | SpoolError | StorageError):
        return None
    _log.error("text extraction failed", attachment=job.subject, exc_info=error)
    message = "The file could not be read; the server's log says why."
    return JobFailure(job=job, code="NOT_READ", message=message, retryable=True)


def _spool_name(row: AttachmentRow) -> str:
    return f"text-{row.id}"
