"""Indexing worker: writes extracted texts to the lake's tables, once their batch is analysed."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from operator import attrgetter

import msgspec

from everlake.analysis.attachment_text import attachment_utterances, recording_start_ms
from everlake.attachments.extraction.codec import TextDamaged, decode
from everlake.attachments.extraction.types import AttachmentText
from everlake.attachments.paths import text_path
from everlake.batching import group_by_size
from everlake.catalog import attachments, batches, texts
from everlake.catalog.attachments import AttachmentRow
from everlake.catalog.database import Catalog
from everlake.catalog.jobs import JobKind, JobRow
from everlake.jobs.queue import JobQueue
from everlake.jobs.types import JobFailure
from everlake.lake import Lake, LakeDamaged
from everlake.lake.writer_leases import WriterLeaseLost, WriterLeases
from everlake.landing.accepted import LandedRecord
from everlake.landing.batch_objects import read_accepted
from everlake.logs import logger
from everlake.model.batches import BatchRow
from everlake.model.utterances import AttachmentUtterances
from everlake.retry import RetryPolicy
from everlake.storage import ObjectMissing, ObjectStore
from everlake.worker.stage_runner import PERMANENT_ERRORS, TRANSIENT_ERRORS

_CLAIM_LIMIT = 200
_MAX_GROUP_CHARACTERS = 8_000_000
"""Characters of the texts in memory at a time, unless a single one has more."""
_RETRY_DELAY_MS = 1_000
_DAMAGED_TABLE_DELAY_MS = 60_000
_RETRY_POLICY = RetryPolicy(max_attempts=8, base_ms=60_000, max_ms=60_000, jitter=0)
_NOT_WRITTEN = "The text could not be written to the lake; the server's log says why."
_RECORD_LOST = "The record of the attachment is missing in the archive: send it again."

_log = logger()


class _Text(msgspec.Struct, frozen=True):
    """A text that is ready to be written."""

    job: JobRow
    utterances: AttachmentUtterances
    characters: int


class _Outcomes(msgspec.Struct, kw_only=True):
    """Claimed jobs by how their attempts ended.

    Attributes:
        indexed: their texts are in the tables, and they are completed.
        failures: to be retried or failed.
        lost: their stored texts are missing or damaged, and are to be extracted again.
    """

    indexed: list[JobRow] = []
    failures: list[JobFailure] = []
    lost: list[JobRow] = []

    def remaining(self, claimed: Iterable[JobRow]) -> list[JobRow]:
        """Return the jobs that had no attempt."""
        ended = {
            job.subject
            for job in chain(self.indexed, self.lost, (one.job for one in self.failures))
        }
        return [job for job in claimed if job.subject not in ended]


class IndexingWorker:
    """Writes extracted texts to the tables, many in one commit. One thread uses it at a time.

    Args:
        queue: has the jobs.
        catalog: has the attachments and their batches.
        store: has the texts and the records.
        lake: takes the texts.
        writer_leases: the right to write a workspace's tables.
    """

    def __init__(
        self,
        queue: JobQueue,
        catalog: Catalog,
        store: ObjectStore,
        lake: Lake,
        writer_leases: WriterLeases,
    ) -> None:
        self._queue = queue
        self._catalog = catalog
        self._store = store
        self._lake = lake
        self._writer_leases = writer_leases

    def run_once(self) -> bool:
        """Index some texts of one workspace; return False where there are none.

        Raises:
            CatalogUnavailable: the jobs are claimed again when their leases run out.
        """
        with self._queue.claimed(
            JobKind.INDEX_TEXT,
            limit=_CLAIM_LIMIT,
            skip_workspaces=self._writer_leases.held_by_others,
        ) as claimed:
            if claimed:
                self._index(claimed[0].workspace_id, claimed)
            return bool(claimed)

    def _index(self, workspace_id: str, claimed: Sequence[JobRow]) -> None:
        outcomes = _Outcomes()
        group: list[_Text] = []
        delay_ms = _RETRY_DELAY_MS
        try:
            for group in self._groups(claimed, outcomes):
                self._write(workspace_id, group, outcomes)
        except (WriterLeaseLost, LakeDamaged, *TRANSIENT_ERRORS) as error:
            _log.warning("text indexing postponed", workspace=workspace_id, reason=str(error))
            if isinstance(error, LakeDamaged):
                delay_ms = _DAMAGED_TABLE_DELAY_MS
        except Exception:  # noqa: BLE001 - these texts fail; those after them are tried again
            ids = [one.job.subject for one in group]
            _log.exception("text indexing failed", workspace=workspace_id, attachments=ids)
            outcomes.failures += [
                _failure(one.job, "NOT_WRITTEN", _NOT_WRITTEN, retryable=True) for one in group
            ]
        self._record(claimed, outcomes, delay_ms)

    def _groups(self, claimed: Sequence[JobRow], outcomes: _Outcomes) -> Iterator[list[_Text]]:
        """Yield texts to write in one commit; one that failed before is a group of its own."""
        fresh = [job for job in claimed if not job.attempts]
        failed_before = [job for job in claimed if job.attempts]
        yield from group_by_size(
            self._texts(fresh, outcomes),
            attrgetter("characters"),
            max_size=_MAX_GROUP_CHARACTERS,
        )
        for one in self._texts(failed_before, outcomes):
            yield [one]

    def _write(self, workspace_id: str, group: Sequence[_Text], outcomes: _Outcomes) -> None:
        with self._writer_leases.holding(workspace_id):
            self._lake.utterances.write_attachments(workspace_id, [one.utterances for one in group])
        self._writer_leases.mark_written(workspace_id)
        done = [one.job for one in group]
        with self._queue.transaction() as tx:
            texts.mark_indexed(tx.connection, tx.complete(done), now=tx.now)
        outcomes.indexed += done

    def _record(self, claimed: Sequence[JobRow], outcomes: _Outcomes, delay_ms: int) -> None:
        remaining = outcomes.remaining(claimed)
        if not (outcomes.failures or outcomes.lost or remaining):
            return
        with self._queue.transaction() as tx:
            failed = tx.retry_or_fail(outcomes.failures, _RETRY_POLICY)
            texts.note_failures(tx.connection, failed)
            texts.extract_again(tx.connection, tx.complete(outcomes.lost), now=tx.now)
            tx.release(remaining, delay_ms=delay_ms)

    def _texts(self, claimed: Sequence[JobRow], outcomes: _Outcomes) -> Iterator[_Text]:
        """Yield the texts of jobs by batch; add the jobs without one to ``outcomes``."""
        jobs = {job.subject: job for job in claimed}
        with self._catalog.autocommit() as tx:
            rows = attachments.get_many(tx, list(jobs))
        # Completing these jobs is all that is left to do for attachments that are gone.
        outcomes.lost += [job for job in claimed if job.subject not in rows]
        ordered = sorted(rows.values(), key=attrgetter("batch_id", "line", "place"))
        for batch_id, of_batch in groupby(ordered, attrgetter("batch_id")):
            some = list(of_batch)
            with self._catalog.autocommit() as tx:
                batch = batches.get(tx, some[0].workspace_id, batch_id)
            records = [] if batch is None else self._read_records(batch)
            for row in some:
                job = jobs[row.id]
                if batch is None or row.line >= len(records):
                    outcomes.failures.append(_failure(job, "RECORD_LOST", _RECORD_LOST))
                elif _RETRY_POLICY.is_exhausted(job.attempts):
                    outcomes.failures.append(_failure(job, "GIVEN_UP", _NOT_WRITTEN))
                elif (text := self._load_text(row)) is None:
                    outcomes.lost.append(job)
                elif (one := _build(job, row, batch, records[row.line], text)) is not None:
                    yield one
                else:
                    outcomes.failures.append(_failure(job, "NOT_WRITTEN", _NOT_WRITTEN))

    def _read_records(self, batch: BatchRow) -> list[LandedRecord]:
        try:
            return read_accepted(self._store, batch)
        except PERMANENT_ERRORS as error:
            _log.error("records of attachments unreadable", batch=batch.id, reason=str(error))
            return []

    def _load_text(self, row: AttachmentRow) -> AttachmentText | None:
        """Return the stored text; where it is missing or damaged, delete it and return None."""
        path = text_path(row.workspace_id, row.sha256 or "")
        try:
            return decode(self._store.get(path))
        except (TextDamaged, ObjectMissing) as error:
            _log.warning("stored text unreadable", attachment=row.id, reason=str(error))
            self._store.delete(path)
            return None


def _build(
    job: JobRow, row: AttachmentRow, batch: BatchRow, record: LandedRecord, text: AttachmentText
) -> _Text | None:
    """Analyse a text; return None where that is not possible."""
    try:
        utterances = _attachment_utterances(row, batch, record, text)
    except Exception:  # noqa: BLE001 - the other texts are written all the same
        _log.exception("text analysis failed", attachment=row.id)
        return None
    return _Text(job, utterances, sum(len(one.text) for one in text.sections))


def _failure(job: JobRow, code: str, message: str, *, retryable: bool = False) -> JobFailure:
    return JobFailure(job=job, code=code, message=message, retryable=retryable)


def _attachment_utterances(
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
