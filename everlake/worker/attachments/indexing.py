"""What attachments say, into the lake's tables, once the batch that brought them is analysed."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from everlake.analysis.attached import attached_utterances, recording_start
from everlake.attachments.paths import text_path
from everlake.attachments.text.codec import TextDamaged, decode
from everlake.attachments.text.model import AttachmentText
from everlake.catalog import batches, readings
from everlake.catalog.attachments import AttachmentRow, TextState
from everlake.catalog.batches import BatchRow
from everlake.catalog.engine import Catalog
from everlake.catalog.readings import Unreadable
from everlake.lake import AttachedText, Lake, LakeDamaged
from everlake.landing.lines import LandedRecord
from everlake.landing.objects import read_accepted
from everlake.logs import logger
from everlake.storage import ObjectMissing, ObjectStore
from everlake.worker.leases import WriterLeases, WriterLost
from everlake.worker.queue import LOST, TRANSIENT, owner_of

_CLAIMED_AT_ONCE = 200
_CHARACTERS_AT_ONCE = 8_000_000
"""Of text in memory at a time; a single one may have more."""
_WAIT_MS = 1_000
_WAIT_FOR_TABLES_MS = 60_000
_MOST_ATTEMPTS = 8
_NOT_WRITTEN = "The text could not be written to the lake; the log says why."
_NO_RECORD = "The record that it belongs to is lost from the archive: send it again."

_log = logger()


class _Text(NamedTuple):
    row: AttachmentRow
    words: AttachedText
    characters: int


class Indexing:
    """Writes texts that were read to the tables, many in one commit.

    Args:
        catalog: has the queue.
        store: has the texts and the records.
        lake: is written.
        writers: the right to write a workspace's tables.
        worker: this worker's name.
        lease_ms: milliseconds a claim holds without renewal.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        lake: Lake,
        writers: WriterLeases,
        *,
        worker: str,
        lease_ms: int,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._lake = lake
        self._writers = writers
        self._owner = indexer_of(worker)
        self._lease_ms = lease_ms
        self._held: frozenset[str] = frozenset()

    def turn(self) -> bool:
        """Write some texts of one workspace; False where there are none to write.

        Raises:
            CatalogUnavailable: what was claimed is claimed again when its lease runs out.
        """
        with self._catalog.look() as tx:
            if not readings.is_due(tx, TextState.READY, now=self._catalog.now_ms()):
                return False
        with self._catalog.write() as tx:
            claimed = readings.claim_read(
                tx,
                owner=self._owner,
                now=self._catalog.now_ms(),
                lease_ms=self._lease_ms,
                most=_CLAIMED_AT_ONCE,
                skip_workspaces=self._writers.of_others(tx),
            )
        self._held = frozenset(row.id for row in claimed)
        try:
            self._index(claimed)
        finally:
            self._held = frozenset()
        return bool(claimed)

    def renew(self) -> None:
        """Keep the claims."""
        held = self._held
        if held:
            until = self._catalog.now_ms() + self._lease_ms
            with self._catalog.write() as tx:
                readings.renew(tx, self._owner, held, until)

    def _index(self, claimed: Sequence[AttachmentRow]) -> None:
        wait = _WAIT_MS
        part: list[_Text] = []
        try:
            for part in _by_size(self._texts(claimed)):
                with self._writers.writing(part[0].row.workspace_id):
                    self._lake.write_attached(part[0].row.workspace_id, [one.words for one in part])
                self._writers.note_written(part[0].row.workspace_id)
                self._settle([one.row.id for one in part])
        except (WriterLost, LakeDamaged, *TRANSIENT) as error:
            _log.warning("attached texts wait", reason=str(error))
            wait = _WAIT_FOR_TABLES_MS if isinstance(error, LakeDamaged) else _WAIT_MS
        except Exception:  # noqa: BLE001 - whatever it is, these are tried again, and given up
            _log.exception("attached texts not written", attachments=[one.row.id for one in part])
            for one in part:
                self._fail(one.row, "NOT_WRITTEN", _NOT_WRITTEN, wait_ms=_WAIT_FOR_TABLES_MS)
        finally:
            self._release(wait)

    def _texts(self, claimed: Sequence[AttachmentRow]) -> Iterator[_Text]:
        """What each says; those of which that cannot be told are settled on the way."""
        by_batch = sorted(claimed, key=attrgetter("batch_id", "line", "place"))
        for batch_id, rows in groupby(by_batch, attrgetter("batch_id")):
            some = list(rows)
            with self._catalog.look() as tx:
                batch = batches.get(tx, some[0].workspace_id, batch_id)
            try:
                records = [] if batch is None else read_accepted(self._store, batch)
            except LOST as error:
                _log.error("attached texts without records", batch=batch_id, reason=str(error))
                records = []
            for row in some:
                if batch is None or row.line >= len(records):
                    self._fail(row, "RECORD_LOST", _NO_RECORD)
                elif row.text_attempts >= _MOST_ATTEMPTS:
                    self._fail(row, "GIVEN_UP", _NOT_WRITTEN)
                elif (text := self._text(row)) is not None:
                    found = self._found(row, batch, records[row.line], text)
                    if found is not None:
                        yield found

    def _found(
        self, row: AttachmentRow, batch: BatchRow, record: LandedRecord, text: AttachmentText
    ) -> _Text | None:
        try:
            words = _words(row, batch, record, text)
        except Exception:  # noqa: BLE001 - the others are to be written all the same
            _log.exception("attached text not understood", attachment=row.id)
            self._fail(row, "NOT_WRITTEN", _NOT_WRITTEN)
            return None
        return _Text(row, words, sum(len(one.text) for one in text.sections))

    def _text(self, row: AttachmentRow) -> AttachmentText | None:
        """The stored text; where it is lost or damaged, the file is read again."""
        try:
            return decode(self._store.get(text_path(row.workspace_id, row.sha256 or "")))
        except (TextDamaged, ObjectMissing) as error:
            _log.warning("text is read again", attachment=row.id, reason=str(error))
            self._store.delete(text_path(row.workspace_id, row.sha256 or ""))
            with self._catalog.write() as tx:
                now = self._catalog.now_ms()
                readings.read_again(tx, row.id, owner=self._owner, now=now)
            self._held = self._held - {row.id}
            return None

    def _settle(self, ids: Sequence[str]) -> None:
        with self._catalog.write() as tx:
            now = self._catalog.now_ms()
            readings.advance(tx, ids, owner=self._owner, to=TextState.COMPLETE, now=now)
        self._held = self._held.difference(ids)

    def _fail(
        self, row: AttachmentRow, code: str, message: str, wait_ms: int | None = None
    ) -> None:
        with self._catalog.write() as tx:
            now = self._catalog.now_ms()
            due_at = None if wait_ms is None else now + wait_ms
            fault = Unreadable(id=row.id, code=code, message=message, due_at=due_at)
            readings.fail(tx, [fault], owner=self._owner, now=now)
        self._held = self._held - {row.id}

    def _release(self, wait_ms: int) -> None:
        if self._held:
            with self._catalog.write() as tx:
                due_at = self._catalog.now_ms() + wait_ms
                readings.release(tx, self._held, owner=self._owner, due_at=due_at)


def indexer_of(worker: str) -> str:
    """The name under which a worker holds texts that it writes to the tables."""
    return owner_of(worker, "index")


def _words(
    row: AttachmentRow, batch: BatchRow, record: LandedRecord, text: AttachmentText
) -> AttachedText:
    return AttachedText(
        record_id=record.record_id,
        version=record.version,
        batch_id=batch.id,
        source=batch.source,
        record_type=record.record_type,
        event_at=record.event_at,
        product_id=record.product_id,
        project_ids=record.project_ids,
        attachment_id=row.id,
        name=row.name,
        place=row.place,
        utterances=attached_utterances(
            text.kind.value,
            [section.text for section in text.sections],
            record.record_type,
            record.participants,
            start=recording_start(record.record_type, record.data),
        ),
    )


def _by_size(texts: Iterable[_Text]) -> Iterator[list[_Text]]:
    """``texts`` in parts of about that many characters; one that failed before by itself."""
    part: list[_Text] = []
    size = 0
    for one in texts:
        failed = one.row.text_attempts or (part and part[-1].row.text_attempts)
        if part and (failed or size + one.characters > _CHARACTERS_AT_ONCE):
            yield part
            part, size = [], 0
        part.append(one)
        size += one.characters
    if part:
        yield part
