"""Text out of stored attachments: claimed, read in a process apart, and stored beside them."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from everlake.attachments.errors import FetchError, SpoolError
from everlake.attachments.extraction.codec import encode
from everlake.attachments.extraction.extractor import Extractor
from everlake.attachments.extraction.types import (
    AttachmentText,
    ExtractionStopped,
    RecordingDetected,
    TextError,
)
from everlake.attachments.paths import content_path, text_path
from everlake.attachments.spooling.spool import Spool
from everlake.catalog import extraction_queue
from everlake.catalog.attachments import AttachmentRow, TextStage
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.extraction_queue import ExtractionFailure
from everlake.logs import logger
from everlake.metrics import Metrics
from everlake.storage import ObjectMissing, ObjectStore, StorageError
from everlake.worker.attachments.messages import as_sentence
from everlake.worker.stage_runner import lease_owner

_CLAIM_LIMITS = {TextStage.PENDING: 4, TextStage.RECORDING: 1}
_MAX_DELAY_MS = 600_000
_LOCAL_FAILURE_DELAY_MS = 5_000
_LOST = "CONTENT_LOST"
_GIVEN_UP = "GIVEN_UP"
_NOT_READ = "NOT_READ"

_log = logger()


class ExtractionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How patiently. ``retry_ms`` doubles after each further failure."""

    lease_ms: int
    retry_ms: int
    max_attempts: int


class ExtractionWorker:
    """One worker's share of the files to read; :meth:`turn` may run in several threads.

    Recordings take long, and so have a lane of their own where speech is written down. What is
    one shows when the file is opened, and not before: names and types of files are often wrong.

    Args:
        catalog: has the queue.
        store: has the content and takes the texts.
        spool: where content is put that does not lie in a file.
        worker: this worker's name.
        pace: how patiently.
        meters: count how it ends.
        speech: whether recordings go to their own lane.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        spool: Spool,
        *,
        worker: str,
        policy: ExtractionPolicy,
        meters: Metrics,
        transcribes: bool = False,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._spool = spool
        self._owner = extraction_owner(worker)
        self._policy = policy
        self._meters = meters
        self._transcribes = transcribes
        self._held: set[str] = set()
        self._lock = threading.Lock()

    def run_once(
        self,
        extractor: Extractor,
        stop: threading.Event,
        state: TextStage = TextStage.PENDING,
    ) -> bool:
        """Read some files; False where there are none to read.

        Args:
            extractor: reads them.
            stop: ends it soon.
            state: whose turn it is, that of ``PENDING`` files or of ``RECORDING``.

        Raises:
            CatalogUnavailable: what was claimed is claimed again when its lease runs out.
        """
        with self._catalog.autocommit() as tx:
            if not extraction_queue.is_due(tx, state, now=self._catalog.now_ms()):
                return False
        with self._catalog.transaction() as tx:
            claimed = extraction_queue.claim(
                tx,
                owner=self._owner,
                now=self._catalog.now_ms(),
                lease_ms=self._policy.lease_ms,
                limit=_CLAIM_LIMITS[state],
                state=state,
            )
        ids = [row.id for row in claimed]
        with self._lock:
            self._held.update(ids)
        try:
            self._extract_all(claimed, extractor, stop)
        finally:
            with self._lock:
                self._held.difference_update(ids)
        return bool(claimed)

    def renew(self) -> None:
        """Keep the claims."""
        with self._lock:
            held = list(self._held)
        if held:
            until = self._catalog.now_ms() + self._policy.lease_ms
            with self._catalog.transaction() as tx:
                extraction_queue.renew(tx, self._owner, held, until)

    def _extract_all(
        self, claimed: Sequence[AttachmentRow], extractor: Extractor, stop: threading.Event
    ) -> None:
        read: list[str] = []
        recordings: list[str] = []
        faults: list[ExtractionFailure] = []
        left = [row.id for row in claimed]
        for row in claimed:
            try:
                if not stop.is_set():
                    self._extract(row, extractor, stop)
                    read.append(row.id)
                    left.remove(row.id)
            except (ExtractionStopped, SpoolError, CatalogError) as error:
                _log.warning("text waits", attachment=row.id, reason=str(error))
            except RecordingDetected as error:
                if self._transcribes:
                    recordings.append(row.id)
                else:
                    faults.append(self._text_failure(row, error))
                left.remove(row.id)
            except Exception as error:  # noqa: BLE001 - the next one is to be read all the same
                if (fault := self._failure(row, error)) is not None:
                    faults.append(fault)
                    left.remove(row.id)
        now = self._catalog.now_ms()
        with self._catalog.transaction() as tx:
            extraction_queue.advance(tx, read, owner=self._owner, to=TextStage.READY, now=now)
            extraction_queue.advance(
                tx, recordings, owner=self._owner, to=TextStage.RECORDING, now=now
            )
            extraction_queue.fail(tx, faults, owner=self._owner, now=now)
            wait = 0 if stop.is_set() else _LOCAL_FAILURE_DELAY_MS
            extraction_queue.release(tx, left, owner=self._owner, due_at=now + wait)
        again = sum(fault.due_at is not None for fault in faults)
        self._meters.count_extraction_attempts("complete", len(read))
        self._meters.count_extraction_attempts("tried_again", again)
        self._meters.count_extraction_attempts("failed", len(faults) - again)

    def _extract(self, row: AttachmentRow, extractor: Extractor, stop: threading.Event) -> None:
        """Store the text of a file, unless the same content was read before."""
        sha256, mime_type = row.sha256 or "", row.mime_type or ""
        place = text_path(row.workspace_id, sha256)
        with suppress(ObjectMissing):
            self._store.size(place)
            return
        if row.text_attempts >= self._policy.max_attempts:
            raise _ContentFailure(_GIVEN_UP, "Reading the file was given up: its worker ended.")
        path = self._store.local_path(content_path(row.workspace_id, sha256))
        try:
            if path is None:
                path = self._copy_to_spool(row, sha256)
            text = extractor.extract(path, mime_type=mime_type, filename=row.filename, stop=stop)
        finally:
            self._spool.drop(_spool_name(row))
        self._store_text(place, text)

    def _copy_to_spool(self, row: AttachmentRow, sha256: str) -> Path:
        content = self._store.read(content_path(row.workspace_id, sha256))
        return self._spool.receive_file(_spool_name(row), content, row.size or 0)

    def _store_text(self, place: str, text: AttachmentText) -> None:
        try:
            self._store.put_many([(place, encode(text))])
        except StorageError:
            with suppress(ObjectMissing):  # somebody else read the same content just now
                self._store.size(place)
                return
            raise

    def _failure(self, row: AttachmentRow, error: Exception) -> ExtractionFailure | None:
        """What to write down; None where it is no fault of the file's."""
        passes = False
        if isinstance(error, TextError):
            return self._text_failure(row, error)
        if isinstance(error, _ContentFailure):
            code, message = error.code, str(error)
        elif isinstance(error, ObjectMissing | FetchError):
            code, message = _LOST, "The stored file is not as it was: send the record again."
        elif isinstance(error, StorageError):
            _log.warning("text waits", attachment=row.id, reason=str(error))
            return None
        else:
            _log.error("text not read", attachment=row.id, exc_info=error)
            code, message, passes = _NOT_READ, "The file could not be read; the log says why.", True
        return self._extraction_failure(row, code, message, retryable=passes)

    def _text_failure(self, row: AttachmentRow, error: TextError) -> ExtractionFailure:
        return self._extraction_failure(
            row, error.code.value, as_sentence(error.message), retryable=error.retryable
        )

    def _extraction_failure(
        self, row: AttachmentRow, code: str, message: str, *, retryable: bool
    ) -> ExtractionFailure:
        last = not retryable or row.text_attempts + 1 >= self._policy.max_attempts
        wait = min(self._policy.retry_ms << min(row.text_attempts, 20), _MAX_DELAY_MS)
        due_at = None if last else self._catalog.now_ms() + wait
        return ExtractionFailure(id=row.id, code=code, message=message, due_at=due_at)


class _ContentFailure(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def extraction_owner(worker: str) -> str:
    """The name under which a worker holds attachments that it reads."""
    return lease_owner(worker, "read")


def _spool_name(row: AttachmentRow) -> str:
    return f"text-{row.id}"
