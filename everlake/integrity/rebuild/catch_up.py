"""Catching up with what landed, or was analysed, while the new tables were filled.

It is merged as the worker merges it, so any of it may be done twice.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress

from everlake.catalog import batch_scan
from everlake.catalog.batches import BatchRow
from everlake.contract.batches import BatchStatus
from everlake.integrity.rebuild.checkpoint import LostBatch
from everlake.integrity.rebuild.context import RebuildContext
from everlake.integrity.rebuild.salvage import salvage_batch
from everlake.lake import LakeError
from everlake.lake.record_rows import arrived_record
from everlake.lake.utterance_rows import record_utterances
from everlake.landing.batch_objects import UNREADABLE_ERRORS, read_accepted
from everlake.model.records import ArrivedRecord
from everlake.model.utterances import RecordUtterances

MAX_MERGE_RECORDS = 20_000
MAX_MERGE_BYTES = 32 * 1024 * 1024


def catch_up(context: RebuildContext) -> int:
    """One round, while others write on; how many records were merged."""
    return _CatchUpPass(context, frozenset(), frozenset()).run()


def catch_up_exclusively(context: RebuildContext) -> int:
    """The last round, to be called while everybody is kept from writing.

    A worker that was kept from it in the middle of its work moves a batch forward once it is let
    go, whether the old tables or the new ones have it. So all that it may have done to the old
    ones is done to the new ones as well: batches in its hands are taken for merged where the old
    tables have some of them, and for analysed in any case.
    """
    with context.catalog.snapshot() as tx:
        landing = batch_scan.find_claimed_ids(tx, context.workspace_id, BatchStatus.LANDING)
        processing = batch_scan.find_claimed_ids(tx, context.workspace_id, BatchStatus.PROCESSING)
    with suppress(LakeError):  # unreadable: any of them may be there
        landing = context.lake.arrivals.batches_with_arrivals(context.workspace_id, sorted(landing))
    return _CatchUpPass(context, landing, processing).run()


class _CatchUpPass:
    def __init__(
        self,
        context: RebuildContext,
        assume_landed: Collection[str],
        assume_analysed: Collection[str],
    ) -> None:
        self._context = context
        self._checkpoint = context.checkpoint
        self._assume_landed = assume_landed
        self._assume_analysed = assume_analysed
        self._records: list[ArrivedRecord] = []
        self._analysed: list[RecordUtterances] = []
        self._bytes = 0
        self._merged_count = 0

    def run(self) -> int:
        last = self._checkpoint.until
        for batch in self._pending_batches():
            last = max(last, batch.sequence)
            if batch.accepted:
                self._add_batch(batch)
            if (
                len(self._records) + len(self._analysed) >= MAX_MERGE_RECORDS
                or self._bytes >= MAX_MERGE_BYTES
            ):
                self._flush()
        self._flush()
        self._checkpoint.until = last
        self._context.save_checkpoint()
        return self._merged_count

    def _pending_batches(self) -> Iterator[BatchRow]:
        job, notes = self._context, self._checkpoint
        known = sorted(notes.missing | notes.silent)
        yield from batch_scan.scan_sequences(job.catalog, job.workspace_id, known)
        yield from batch_scan.scan(job.catalog, job.workspace_id, after=notes.until)

    def _add_batch(self, batch: BatchRow) -> None:
        notes, number = self._checkpoint, batch.sequence
        there = number in notes.silent
        landed = there or batch.landed_at is not None or batch.id in self._assume_landed
        said = batch.status is BatchStatus.COMPLETE or batch.id in self._assume_analysed
        if not landed or (there and not said):
            if not landed:
                notes.missing.add(number)
            return
        try:
            records = read_accepted(self._context.store, batch)
        except UNREADABLE_ERRORS as error:
            self._salvage(batch, str(error))
            return
        notes.lost.pop(number, None)
        notes.missing.discard(number)
        if not there:
            self._records += [arrived_record(one, batch) for one in records]
        if said:
            self._analysed += [record_utterances(one, batch) for one in records]
            notes.silent.discard(number)
        else:
            notes.silent.add(number)
        self._bytes += batch.landing_bytes

    def _salvage(self, batch: BatchRow, reason: str) -> None:
        """Take over from the old tables what the archive has lost."""
        notes, job = self._checkpoint, self._context
        notes.missing.add(batch.sequence)
        if batch.sequence in notes.lost:
            return
        self._flush()
        carried = salvage_batch(job.lake, job.staged_lake, job.workspace_id, batch.id)
        notes.lost[batch.sequence] = LostBatch(
            batch_id=batch.id,
            path=batch.landing_path or "",
            reason=reason,
            accepted=batch.accepted,
            carried=carried.records,
            readable=carried.readable,
        )

    def _flush(self) -> None:
        job = self._context
        job.staged_lake.records.merge(job.workspace_id, self._records)
        job.staged_lake.utterances.write(job.workspace_id, self._analysed)
        self._merged_count += len(self._records)
        self._records, self._analysed, self._bytes = [], [], 0
        job.report_progress("catching up", self._merged_count, None)
