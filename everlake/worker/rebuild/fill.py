"""Filling the new tables with all that has landed, each record once."""

from collections.abc import Iterator

from everlake import memory
from everlake.catalog import sequence
from everlake.catalog.batches import BatchRow
from everlake.contract.batch import BatchStatus
from everlake.lake import LakeUnavailable
from everlake.lake.bulk import Bulk
from everlake.lake.landed import arrived
from everlake.lake.rows import Arrival
from everlake.lake.superseded import superseded
from everlake.landing.objects import UNREADABLE, read_accepted, read_identities
from everlake.worker.rebuild.job import Job
from everlake.worker.stages import analysed

RESERVE_BYTES = 256 * 1024 * 1024
"""What is left free on the disk, because a server that takes in batches needs it."""


def fill(job: Job) -> None:
    """Fill the tables and index them, from where the notes say.

    Raises:
        LakeUnavailable, LakeDamaged, CatalogUnavailable, StorageUnavailable: what is done so far
            is noted.
    """
    if job.notes.indexed:
        return
    with Bulk(job.staged, job.workspace_id) as bulk:
        _list(job, bulk)
        _write(job, bulk)
        for table, column in bulk.index():
            job.watch(f"indexing {table} by {column}", 0, None)
    job.notes.indexed = True
    job.save()


def _list(job: Job, bulk: Bulk) -> None:
    """Note which records came in, in the table of arrivals."""
    notes = job.notes
    total = _total(job)
    for batch in _batches(job, notes.listed):
        if batch.landed_at is None:
            notes.missing.add(batch.sequence)
        else:
            try:
                found = read_identities(job.store, batch)
            except UNREADABLE:
                notes.missing.add(batch.sequence)
            else:
                bulk.add_arrivals(
                    [
                        Arrival(record_id=one.record_id, version=one.version, batch_id=batch.id)
                        for one in found
                    ]
                )
                notes.listed_records += batch.accepted
        notes.listed = batch.sequence
        if bulk.is_full():
            _flush(job, bulk)
        job.watch("reading the archive", notes.listed_records, total)
    notes.listed = notes.until
    _flush(job, bulk)


def _write(job: Job, bulk: Bulk) -> None:
    """Write what was listed and has not come in again."""
    notes = job.notes
    gone = superseded(bulk.arrivals, job.scratch)
    for batch in _batches(job, notes.written):
        if batch.sequence not in notes.missing:
            _write_batch(job, bulk, batch, gone.of(batch.sequence))
        notes.written = batch.sequence
        if bulk.is_full():
            _flush(job, bulk)
        job.watch("writing the tables", notes.written_records, notes.listed_records)
    notes.written = notes.until
    _flush(job, bulk)


def _write_batch(job: Job, bulk: Bulk, batch: BatchRow, gone: frozenset[int]) -> None:
    notes = job.notes
    try:
        records = [one for one in read_accepted(job.store, batch) if one.version not in gone]
    except UNREADABLE:
        notes.missing.add(batch.sequence)
        return
    bulk.add_records([arrived(one, batch) for one in records])
    if batch.status is BatchStatus.COMPLETE:
        bulk.add_utterances([analysed(one, batch) for one in records])
    else:
        notes.silent.add(batch.sequence)
    notes.written_records += batch.accepted


def _flush(job: Job, bulk: Bulk) -> None:
    free = job.place.free_bytes()
    if free is not None and free < RESERVE_BYTES:
        raise LakeUnavailable(
            f"Only {free / 1024**2:,.0f} MB are free on the disk of {job.place.staged}, and the "
            "new tables need more. Make room and run the command again: it goes on where it is. "
            f"To give it up, delete {job.place.staged}; the old tables serve as before."
        )
    job.notes.versions = bulk.flush()
    job.save()
    memory.tidy()


def _batches(job: Job, after: int) -> Iterator[BatchRow]:
    """Those that have records, of the sequences that the tables are filled from."""
    walk = sequence.walk(job.catalog, job.workspace_id, after=after, until=job.notes.until)
    return (batch for batch in walk if batch.accepted)


def _total(job: Job) -> int:
    with job.catalog.read() as tx:
        return sequence.totals(tx, job.workspace_id, landed=True).records
