"""Text out of stored attachments: claimed, read in a process apart, and stored beside them."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from everlake.attachments.errors import FetchError, SpoolFailed
from everlake.attachments.paths import content_path, text_path
from everlake.attachments.spool import Spool
from everlake.attachments.text.codec import encode
from everlake.attachments.text.extractor import Extractor
from everlake.attachments.text.model import AttachmentText, RecordingFound, Stopped, TextError
from everlake.catalog import readings
from everlake.catalog.attachments import AttachmentRow, TextState
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.readings import Unreadable
from everlake.logs import logger
from everlake.metrics import Meters
from everlake.storage import ObjectMissing, ObjectStore, StorageError
from everlake.worker.attachments.wording import sentence
from everlake.worker.queue import owner_of

_CLAIMED_AT_ONCE = {TextState.PENDING: 4, TextState.RECORDING: 1}
_LONGEST_WAIT_MS = 600_000
_WAIT_FOR_OURSELVES_MS = 5_000
_LOST = "CONTENT_LOST"
_GIVEN_UP = "GIVEN_UP"
_NOT_READ = "NOT_READ"

_log = logger()


class ReadingPace(msgspec.Struct, frozen=True, kw_only=True):
    """How patiently. ``retry_ms`` doubles after each further failure."""

    lease_ms: int
    retry_ms: int
    max_attempts: int


class Reading:
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
        pace: ReadingPace,
        meters: Meters,
        speech: bool = False,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._spool = spool
        self._owner = reader_of(worker)
        self._pace = pace
        self._meters = meters
        self._speech = speech
        self._held: set[str] = set()
        self._lock = threading.Lock()

    def turn(
        self,
        extractor: Extractor,
        stop: threading.Event,
        state: TextState = TextState.PENDING,
    ) -> bool:
        """Read some files; False where there are none to read.

        Args:
            extractor: reads them.
            stop: ends it soon.
            state: whose turn it is, that of ``PENDING`` files or of ``RECORDING``.

        Raises:
            CatalogUnavailable: what was claimed is claimed again when its lease runs out.
        """
        with self._catalog.look() as tx:
            if not readings.is_due(tx, state, now=self._catalog.now_ms()):
                return False
        with self._catalog.write() as tx:
            claimed = readings.claim(
                tx,
                owner=self._owner,
                now=self._catalog.now_ms(),
                lease_ms=self._pace.lease_ms,
                most=_CLAIMED_AT_ONCE[state],
                state=state,
            )
        ids = [row.id for row in claimed]
        with self._lock:
            self._held.update(ids)
        try:
            self._read_all(claimed, extractor, stop)
        finally:
            with self._lock:
                self._held.difference_update(ids)
        return bool(claimed)

    def renew(self) -> None:
        """Keep the claims."""
        with self._lock:
            held = list(self._held)
        if held:
            until = self._catalog.now_ms() + self._pace.lease_ms
            with self._catalog.write() as tx:
                readings.renew(tx, self._owner, held, until)

    def _read_all(
        self, claimed: Sequence[AttachmentRow], extractor: Extractor, stop: threading.Event
    ) -> None:
        read: list[str] = []
        recordings: list[str] = []
        faults: list[Unreadable] = []
        left = [row.id for row in claimed]
        for row in claimed:
            try:
                if not stop.is_set():
                    self._read(row, extractor, stop)
                    read.append(row.id)
                    left.remove(row.id)
            except (Stopped, SpoolFailed, CatalogError) as error:
                _log.warning("text waits", attachment=row.id, reason=str(error))
            except RecordingFound as error:
                if self._speech:
                    recordings.append(row.id)
                else:
                    faults.append(self._told(row, error))
                left.remove(row.id)
            except Exception as error:  # noqa: BLE001 - the next one is to be read all the same
                if (fault := self._fault(row, error)) is not None:
                    faults.append(fault)
                    left.remove(row.id)
        now = self._catalog.now_ms()
        with self._catalog.write() as tx:
            readings.advance(tx, read, owner=self._owner, to=TextState.READY, now=now)
            readings.advance(tx, recordings, owner=self._owner, to=TextState.RECORDING, now=now)
            readings.fail(tx, faults, owner=self._owner, now=now)
            wait = 0 if stop.is_set() else _WAIT_FOR_OURSELVES_MS
            readings.release(tx, left, owner=self._owner, due_at=now + wait)
        again = sum(fault.due_at is not None for fault in faults)
        self._meters.texts_settled("complete", len(read))
        self._meters.texts_settled("tried_again", again)
        self._meters.texts_settled("failed", len(faults) - again)

    def _read(self, row: AttachmentRow, extractor: Extractor, stop: threading.Event) -> None:
        """Store the text of a file, unless the same content was read before."""
        sha256, mime_type = row.sha256 or "", row.mime_type or ""
        place = text_path(row.workspace_id, sha256)
        with suppress(ObjectMissing):
            self._store.size(place)
            return
        if row.text_attempts >= self._pace.max_attempts:
            raise _ReadingFailed(_GIVEN_UP, "Reading the file was given up: its worker ended.")
        path = self._store.local_path(content_path(row.workspace_id, sha256))
        try:
            if path is None:
                path = self._copied(row, sha256)
            text = extractor.extract(path, mime_type=mime_type, filename=row.filename, stop=stop)
        finally:
            self._spool.drop(_spooled(row))
        self._keep(place, text)

    def _copied(self, row: AttachmentRow, sha256: str) -> Path:
        content = self._store.read(content_path(row.workspace_id, sha256))
        return self._spool.receive_file(_spooled(row), content, row.size or 0)

    def _keep(self, place: str, text: AttachmentText) -> None:
        try:
            self._store.put_many([(place, encode(text))])
        except StorageError:
            with suppress(ObjectMissing):  # somebody else read the same content just now
                self._store.size(place)
                return
            raise

    def _fault(self, row: AttachmentRow, error: Exception) -> Unreadable | None:
        """What to write down; None where it is no fault of the file's."""
        passes = False
        if isinstance(error, TextError):
            return self._told(row, error)
        if isinstance(error, _ReadingFailed):
            code, message = error.code, str(error)
        elif isinstance(error, ObjectMissing | FetchError):
            code, message = _LOST, "The stored file is not as it was: send the record again."
        elif isinstance(error, StorageError):
            _log.warning("text waits", attachment=row.id, reason=str(error))
            return None
        else:
            _log.error("text not read", attachment=row.id, exc_info=error)
            code, message, passes = _NOT_READ, "The file could not be read; the log says why.", True
        return self._unreadable(row, code, message, passes=passes)

    def _told(self, row: AttachmentRow, error: TextError) -> Unreadable:
        return self._unreadable(row, error.code.value, sentence(error.message), passes=error.passes)

    def _unreadable(
        self, row: AttachmentRow, code: str, message: str, *, passes: bool
    ) -> Unreadable:
        last = not passes or row.text_attempts + 1 >= self._pace.max_attempts
        wait = min(self._pace.retry_ms << min(row.text_attempts, 20), _LONGEST_WAIT_MS)
        due_at = None if last else self._catalog.now_ms() + wait
        return Unreadable(id=row.id, code=code, message=message, due_at=due_at)


class _ReadingFailed(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def reader_of(worker: str) -> str:
    """The name under which a worker holds attachments that it reads."""
    return owner_of(worker, "read")


def _spooled(row: AttachmentRow) -> str:
    return f"text-{row.id}"
