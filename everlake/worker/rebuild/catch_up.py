"""Catching up with what landed, or was analysed, while the new tables were filled.

It is merged as the worker merges it, so any of it may be done twice.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress

from everlake.catalog import sequence
from everlake.catalog.batches import BatchRow
from everlake.contract.batch import BatchStatus
from everlake.lake import AnalysedRecord, ArrivedRecord, LakeError
from everlake.lake.carry import carry
from everlake.lake.landed import arrived
from everlake.landing.objects import UNREADABLE, read_accepted
from everlake.worker.rebuild.job import Job
from everlake.worker.rebuild.notes import Lost
from everlake.worker.stages import analysed

GROUP_RECORDS = 20_000
GROUP_BYTES = 32 * 1024 * 1024


def catch_up(job: Job) -> int:
    """One round, while others write on; how many records were merged."""
    return _Round(job, frozenset(), frozenset()).run()


def catch_up_with_all(job: Job) -> int:
    """The last round, to be called while everybody is kept from writing.

    A worker that was kept from it in the middle of its work moves a batch forward once it is let
    go, whether the old tables or the new ones have it. So all that it may have done to the old
    ones is done to the new ones as well: batches in its hands are taken for merged where the old
    tables have some of them, and for analysed in any case.
    """
    with job.catalog.read() as tx:
        landing = sequence.in_hand(tx, job.workspace_id, BatchStatus.LANDING)
        processing = sequence.in_hand(tx, job.workspace_id, BatchStatus.PROCESSING)
    with suppress(LakeError):  # unreadable: any of them may be there
        landing = job.lake.brought(job.workspace_id, sorted(landing))
    return _Round(job, landing, processing).run()


class _Round:
    def __init__(self, job: Job, merged: Collection[str], said: Collection[str]) -> None:
        self._job = job
        self._notes = job.notes
        self._merged = merged
        self._said = said
        self._rows: list[ArrivedRecord] = []
        self._analysed: list[AnalysedRecord] = []
        self._bytes = 0
        self._done = 0

    def run(self) -> int:
        last = self._notes.until
        for batch in self._pending():
            last = max(last, batch.sequence)
            if batch.accepted:
                self._take(batch)
            if len(self._rows) + len(self._analysed) >= GROUP_RECORDS or self._bytes >= GROUP_BYTES:
                self._merge()
        self._merge()
        self._notes.until = last
        self._job.save()
        return self._done

    def _pending(self) -> Iterator[BatchRow]:
        job, notes = self._job, self._notes
        known = sorted(notes.missing | notes.silent)
        yield from sequence.numbered(job.catalog, job.workspace_id, known)
        yield from sequence.walk(job.catalog, job.workspace_id, after=notes.until)

    def _take(self, batch: BatchRow) -> None:
        notes, number = self._notes, batch.sequence
        there = number in notes.silent
        landed = there or batch.landed_at is not None or batch.id in self._merged
        said = batch.status is BatchStatus.COMPLETE or batch.id in self._said
        if not landed or (there and not said):
            if not landed:
                notes.missing.add(number)
            return
        try:
            records = read_accepted(self._job.store, batch)
        except UNREADABLE as error:
            self._carry(batch, str(error))
            return
        notes.lost.pop(number, None)
        notes.missing.discard(number)
        if not there:
            self._rows += [arrived(one, batch) for one in records]
        if said:
            self._analysed += [analysed(one, batch) for one in records]
            notes.silent.discard(number)
        else:
            notes.silent.add(number)
        self._bytes += batch.landing_bytes

    def _carry(self, batch: BatchRow, reason: str) -> None:
        """Take over from the old tables what the archive has lost."""
        notes, job = self._notes, self._job
        notes.missing.add(batch.sequence)
        if batch.sequence in notes.lost:
            return
        self._merge()
        carried = carry(job.lake, job.staged, job.workspace_id, batch.id)
        notes.lost[batch.sequence] = Lost(
            batch_id=batch.id,
            path=batch.landing_path or "",
            reason=reason,
            accepted=batch.accepted,
            carried=carried.records,
            readable=carried.readable,
        )

    def _merge(self) -> None:
        job = self._job
        job.staged.merge_records(job.workspace_id, self._rows)
        job.staged.write_utterances(job.workspace_id, self._analysed)
        self._done += len(self._rows)
        self._rows, self._analysed, self._bytes = [], [], 0
        job.watch("catching up", self._done, None)
