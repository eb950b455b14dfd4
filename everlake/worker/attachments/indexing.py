"""What attachments say, into the lake's tables, once the batch that brought them is analysed."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from everlake.analysis.attachment_text import attachment_utterances, recording_start_ms
from everlake.attachments.extraction.codec import TextDamaged, decode
from everlake.attachments.extraction.types import AttachmentText
from everlake.attachments.paths import text_path
from everlake.catalog import batches, extraction_queue
from everlake.catalog.attachments import AttachmentRow, TextStage
from everlake.catalog.batches import BatchRow
from everlake.catalog.database import Catalog
from everlake.catalog.extraction_queue import ExtractionFailure
from everlake.lake import Lake, LakeDamaged
from everlake.lake.writer_leases import WriterLeaseLost, WriterLeases
from everlake.landing.batch_objects import read_accepted
from everlake.landing.lines import LandedRecord
from everlake.logs import logger
from everlake.model.utterances import AttachmentUtterances
from everlake.storage import ObjectMissing, ObjectStore
from everlake.worker.stage_runner import PERMANENT_ERRORS, TRANSIENT_ERRORS, lease_owner

_CLAIM_LIMIT = 200
_MAX_GROUP_CHARACTERS = 8_000_000
"""Of text in memory at a time; a single one may have more."""
_RETRY_DELAY_MS = 1_000
_DAMAGED_TABLE_DELAY_MS = 60_000
_MAX_ATTEMPTS = 8
_NOT_WRITTEN = "The text could not be written to the lake; the log says why."
_RECORD_MISSING = "The record that it belongs to is lost from the archive: send it again."

_log = logger()


class _IndexedText(NamedTuple):
    row: AttachmentRow
    attached: AttachmentUtterances
    characters: int


class IndexingWorker:
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
        self._owner = indexing_owner(worker)
        self._lease_ms = lease_ms
        self._held: frozenset[str] = frozenset()

    def run_once(self) -> bool:
        """Write some texts of one workspace; False where there are none to write.

        Raises:
            CatalogUnavailable: what was claimed is claimed again when its lease runs out.
        """
        with self._catalog.autocommit() as tx:
            if not extraction_queue.is_due(tx, TextStage.READY, now=self._catalog.now_ms()):
                return False
        with self._catalog.transaction() as tx:
            claimed = extraction_queue.claim_for_indexing(
                tx,
                owner=self._owner,
                now=self._catalog.now_ms(),
                lease_ms=self._lease_ms,
                limit=_CLAIM_LIMIT,
                skip_workspaces=self._writers.held_by_others(tx),
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
            with self._catalog.transaction() as tx:
                extraction_queue.renew(tx, self._owner, held, until)

    def _index(self, claimed: Sequence[AttachmentRow]) -> None:
        wait = _RETRY_DELAY_MS
        part: list[_IndexedText] = []
        try:
            for part in _group_by_size(self._texts(claimed)):
                with self._writers.holding(part[0].row.workspace_id):
                    self._lake.utterances.write_attachments(
                        part[0].row.workspace_id, [one.attached for one in part]
                    )
                self._writers.mark_written(part[0].row.workspace_id)
                self._complete([one.row.id for one in part])
        except (WriterLeaseLost, LakeDamaged, *TRANSIENT_ERRORS) as error:
            _log.warning("attached texts wait", reason=str(error))
            wait = _DAMAGED_TABLE_DELAY_MS if isinstance(error, LakeDamaged) else _RETRY_DELAY_MS
        except Exception:  # noqa: BLE001 - whatever it is, these are tried again, and given up
            _log.exception("attached texts not written", attachments=[one.row.id for one in part])
            for one in part:
                self._fail(one.row, "NOT_WRITTEN", _NOT_WRITTEN, wait_ms=_DAMAGED_TABLE_DELAY_MS)
        finally:
            self._release(wait)

    def _texts(self, claimed: Sequence[AttachmentRow]) -> Iterator[_IndexedText]:
        """What each says; those of which that cannot be told are settled on the way."""
        by_batch = sorted(claimed, key=attrgetter("batch_id", "line", "place"))
        for batch_id, rows in groupby(by_batch, attrgetter("batch_id")):
            some = list(rows)
            with self._catalog.autocommit() as tx:
                batch = batches.get(tx, some[0].workspace_id, batch_id)
            try:
                records = [] if batch is None else read_accepted(self._store, batch)
            except PERMANENT_ERRORS as error:
                _log.error("attached texts without records", batch=batch_id, reason=str(error))
                records = []
            for row in some:
                if batch is None or row.line >= len(records):
                    self._fail(row, "RECORD_LOST", _RECORD_MISSING)
                elif row.text_attempts >= _MAX_ATTEMPTS:
                    self._fail(row, "GIVEN_UP", _NOT_WRITTEN)
                elif (text := self._load_text(row)) is not None:
                    found = self._build(row, batch, records[row.line], text)
                    if found is not None:
                        yield found

    def _build(
        self, row: AttachmentRow, batch: BatchRow, record: LandedRecord, text: AttachmentText
    ) -> _IndexedText | None:
        try:
            words = _attached_text(row, batch, record, text)
        except Exception:  # noqa: BLE001 - the others are to be written all the same
            _log.exception("attached text not understood", attachment=row.id)
            self._fail(row, "NOT_WRITTEN", _NOT_WRITTEN)
            return None
        return _IndexedText(row, words, sum(len(one.text) for one in text.sections))

    def _load_text(self, row: AttachmentRow) -> AttachmentText | None:
        """The stored text; where it is lost or damaged, the file is read again."""
        try:
            return decode(self._store.get(text_path(row.workspace_id, row.sha256 or "")))
        except (TextDamaged, ObjectMissing) as error:
            _log.warning("text is read again", attachment=row.id, reason=str(error))
            self._store.delete(text_path(row.workspace_id, row.sha256 or ""))
            with self._catalog.transaction() as tx:
                now = self._catalog.now_ms()
                extraction_queue.extract_again(tx, row.id, owner=self._owner, now=now)
            self._held = self._held - {row.id}
            return None

    def _complete(self, ids: Sequence[str]) -> None:
        with self._catalog.transaction() as tx:
            now = self._catalog.now_ms()
            extraction_queue.advance(tx, ids, owner=self._owner, to=TextStage.COMPLETE, now=now)
        self._held = self._held.difference(ids)

    def _fail(
        self, row: AttachmentRow, code: str, message: str, wait_ms: int | None = None
    ) -> None:
        with self._catalog.transaction() as tx:
            now = self._catalog.now_ms()
            due_at = None if wait_ms is None else now + wait_ms
            fault = ExtractionFailure(id=row.id, code=code, message=message, due_at=due_at)
            extraction_queue.fail(tx, [fault], owner=self._owner, now=now)
        self._held = self._held - {row.id}

    def _release(self, wait_ms: int) -> None:
        if self._held:
            with self._catalog.transaction() as tx:
                due_at = self._catalog.now_ms() + wait_ms
                extraction_queue.release(tx, self._held, owner=self._owner, due_at=due_at)


def indexing_owner(worker: str) -> str:
    """The name under which a worker holds texts that it writes to the tables."""
    return lease_owner(worker, "index")


def _attached_text(
    row: AttachmentRow, batch: BatchRow, record: LandedRecord, text: AttachmentText
) -> AttachmentUtterances:
    return AttachmentUtterances(
        record_id=record.record_id,
        version=record.version,
        batch_id=batch.id,
        source=batch.source,
        record_type=record.record_type,
        event_at=record.event_at,
        product_id=record.product_id,
        project_ids=record.project_ids,
        attachment_id=row.id,
        name=row.display_name,
        position=row.place,
        utterances=attachment_utterances(
            text.kind.value,
            [section.text for section in text.sections],
            record.record_type,
            record.participants,
            start=recording_start_ms(record.record_type, record.data),
        ),
    )


def _group_by_size(texts: Iterable[_IndexedText]) -> Iterator[list[_IndexedText]]:
    """``texts`` in parts of about that many characters; one that failed before by itself."""
    part: list[_IndexedText] = []
    size = 0
    for one in texts:
        failed = one.row.text_attempts or (part and part[-1].row.text_attempts)
        if part and (failed or size + one.characters > _MAX_GROUP_CHARACTERS):
            yield part
            part, size = [], 0
        part.append(one)
        size += one.characters
    if part:
        yield part
