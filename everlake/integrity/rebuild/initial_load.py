"""Filling the new tables with all that has landed, each record once."""

from collections.abc import Iterator

from everlake import memory
from everlake.catalog import batch_scan
from everlake.catalog.batches import BatchRow
from everlake.contract.batches import BatchStatus
from everlake.integrity.rebuild.context import RebuildContext
from everlake.integrity.rebuild.superseded import find_superseded
from everlake.lake import LakeUnavailable
from everlake.lake.record_rows import arrived_record
from everlake.lake.utterance_rows import record_utterances
from everlake.landing.batch_objects import UNREADABLE_ERRORS, read_accepted, read_identities
from everlake.model.records import RecordArrival
from everlake.tables.bulk_loader import BulkLoader

MIN_FREE_BYTES = 256 * 1024 * 1024
"""What is left free on the disk, because a server that takes in batches needs it."""


def load_tables(context: RebuildContext) -> None:
    """Fill the tables and index them, from where the notes say.

    Raises:
        LakeUnavailable, LakeDamaged, CatalogUnavailable, StorageUnavailable: what is done so far
            is noted.
    """
    if context.checkpoint.indexed:
        return
    with BulkLoader(
        context.staged_lake.engine, context.staged_lake.registry, context.workspace_id
    ) as bulk:
        _load_arrivals(context, bulk)
        _load_rows(context, bulk)
        for table, column in bulk.build_indexes():
            context.report_progress(f"indexing {table} by {column}", 0, None)
    context.checkpoint.indexed = True
    context.save_checkpoint()


def _load_arrivals(context: RebuildContext, loader: BulkLoader) -> None:
    """Note which records came in, in the table of arrivals."""
    notes = context.checkpoint
    total = _total_records(context)
    for batch in _batches_with_records(context, notes.listed):
        if batch.landed_at is None:
            notes.missing.add(batch.sequence)
        else:
            try:
                found = read_identities(context.store, batch)
            except UNREADABLE_ERRORS:
                notes.missing.add(batch.sequence)
            else:
                loader.add(
                    "arrivals",
                    [
                        RecordArrival(
                            record_id=one.record_id, version=one.version, batch_id=batch.id
                        )
                        for one in found
                    ],
                )
                notes.listed_records += batch.accepted
        notes.listed = batch.sequence
        if loader.is_full():
            _flush(context, loader)
        context.report_progress("reading the archive", notes.listed_records, total)
    notes.listed = notes.until
    _flush(context, loader)


def _load_rows(context: RebuildContext, loader: BulkLoader) -> None:
    """Write what was listed and has not come in again."""
    notes = context.checkpoint
    gone = find_superseded(loader.table("arrivals"), context.temporary_directory)
    for batch in _batches_with_records(context, notes.written):
        if batch.sequence not in notes.missing:
            _load_batch(context, loader, batch, gone.in_batch(batch.sequence))
        notes.written = batch.sequence
        if loader.is_full():
            _flush(context, loader)
        context.report_progress("writing the tables", notes.written_records, notes.listed_records)
    notes.written = notes.until
    _flush(context, loader)


def _load_batch(
    context: RebuildContext,
    loader: BulkLoader,
    batch: BatchRow,
    superseded_versions: frozenset[int],
) -> None:
    notes = context.checkpoint
    try:
        records = [
            one
            for one in read_accepted(context.store, batch)
            if one.version not in superseded_versions
        ]
    except UNREADABLE_ERRORS:
        notes.missing.add(batch.sequence)
        return
    loader.add("records", [arrived_record(one, batch) for one in records])
    if batch.status is BatchStatus.COMPLETE:
        loader.add("utterances", [record_utterances(one, batch) for one in records])
    else:
        notes.silent.add(batch.sequence)
    notes.written_records += batch.accepted


def _flush(context: RebuildContext, loader: BulkLoader) -> None:
    free = context.table_set.free_bytes()
    if free is not None and free < MIN_FREE_BYTES:
        raise LakeUnavailable(
            f"Only {free / 1024**2:,.0f} MB are free on the disk of {context.table_set.staged_uri}, and the "
            "new tables need more. Make room and run the command again: it goes on where it is. "
            f"To give it up, delete {context.table_set.staged_uri}; the old tables serve as before."
        )
    context.checkpoint.versions = loader.flush()
    context.save_checkpoint()
    memory.collect_and_trim()


def _batches_with_records(context: RebuildContext, after: int) -> Iterator[BatchRow]:
    """Those that have records, of the sequences that the tables are filled from."""
    walk = batch_scan.scan(
        context.catalog, context.workspace_id, after=after, until=context.checkpoint.until
    )
    return (batch for batch in walk if batch.accepted)


def _total_records(context: RebuildContext) -> int:
    with context.catalog.snapshot() as tx:
        return batch_scan.totals(tx, context.workspace_id, landed=True).records
