"""Initial load: fills the new tables with everything that has landed, each record once."""

from collections.abc import Iterator

from everlake import memory
from everlake.catalog import batch_scan
from everlake.contract.batches import BatchStatus
from everlake.integrity.rebuild.context import RebuildContext, bulk_loader
from everlake.integrity.rebuild.superseded import find_superseded
from everlake.lake import LakeUnavailable
from everlake.landing.batch_objects import UNREADABLE_ERRORS, read_accepted, read_identities
from everlake.model.batches import BatchRow
from everlake.tables.bulk_loader import BulkLoader
from everlake.tables.spec import WriteMode

MIN_FREE_BYTES = 256 * 1024 * 1024
"""Disk space that a rebuild leaves free, since a server accepts batches on the same disk."""


def load_tables(context: RebuildContext) -> None:
    """Fill the new tables and build their indexes, from the checkpoint on.

    Raises:
        LakeUnavailable, LakeDamaged, CatalogUnavailable, StorageUnavailable: the checkpoint says
            what is done.
    """
    if context.checkpoint.indexed:
        return
    with bulk_loader(context.staged_lake, context.workspace_id) as loader:
        _load_arrivals(context, loader)
        _load_records(context, loader)
        for table, column in loader.build_indexes():
            context.report_progress(f"indexing {table} by {column}", 0, None)
    context.checkpoint.indexed = True
    context.save_checkpoint()


def _load_arrivals(context: RebuildContext, loader: BulkLoader) -> None:
    """Fill the tables of arrivals, from which the superseded versions are found."""
    checkpoint = context.checkpoint
    total = _total_records(context)
    for batch in _batches_with_records(context, checkpoint.listed):
        _load_arrivals_of(context, loader, batch)
        checkpoint.listed = batch.sequence
        if loader.is_full():
            _flush(context, loader)
        context.report_progress("reading the archive", checkpoint.listed_records, total)
    checkpoint.listed = checkpoint.until
    _flush(context, loader)


def _load_arrivals_of(context: RebuildContext, loader: BulkLoader, batch: BatchRow) -> None:
    checkpoint = context.checkpoint
    if batch.landed_at is None:
        checkpoint.missing.add(batch.sequence)
        return
    try:
        identities = read_identities(context.store, batch)
    except UNREADABLE_ERRORS:
        checkpoint.missing.add(batch.sequence)
        return
    for table in context.staged_lake.registry.arrivals:
        loader.add(table.name, [table.derive(identity, batch) for identity in identities])
    checkpoint.listed_records += batch.accepted


def _load_records(context: RebuildContext, loader: BulkLoader) -> None:
    """Fill the other tables from the records that are not superseded."""
    checkpoint = context.checkpoint
    arrivals = loader.table(context.staged_lake.registry.arrivals[0].name)
    superseded = find_superseded(arrivals, context.temporary_directory)
    for batch in _batches_with_records(context, checkpoint.written):
        if batch.sequence not in checkpoint.missing:
            _load_records_of(context, loader, batch, superseded.in_batch(batch.sequence))
        checkpoint.written = batch.sequence
        if loader.is_full():
            _flush(context, loader)
        context.report_progress(
            "writing the tables", checkpoint.written_records, checkpoint.listed_records
        )
    checkpoint.written = checkpoint.until
    _flush(context, loader)


def _load_records_of(
    context: RebuildContext,
    loader: BulkLoader,
    batch: BatchRow,
    superseded_versions: frozenset[int],
) -> None:
    checkpoint = context.checkpoint
    try:
        records = [
            record
            for record in read_accepted(context.store, batch)
            if record.version not in superseded_versions
        ]
    except UNREADABLE_ERRORS:
        checkpoint.missing.add(batch.sequence)
        return
    registry = context.staged_lake.registry
    for table in registry.landed:
        if table.spec.mode is not WriteMode.APPEND:
            loader.add(table.name, [table.derive(record, batch) for record in records])
    if batch.status is BatchStatus.COMPLETE:
        for table in registry.analysed:
            loader.add(table.name, [table.derive(record, batch) for record in records])
    else:
        checkpoint.silent.add(batch.sequence)
    checkpoint.written_records += batch.accepted


def _flush(context: RebuildContext, loader: BulkLoader) -> None:
    free = context.table_set.free_bytes()
    if free is not None and free < MIN_FREE_BYTES:
        staged_uri = context.table_set.staged_uri
        raise LakeUnavailable(
            f"Only {free / 1024**2:,.0f} MB are free on the disk of {staged_uri}, and the new "
            "tables need more. Free disk space and run the command again: it resumes the "
            f"rebuild. To give the rebuild up, delete {staged_uri}; the old tables still serve."
        )
    context.checkpoint.versions = loader.flush()
    context.save_checkpoint()
    memory.collect_and_trim()


def _batches_with_records(context: RebuildContext, after: int) -> Iterator[BatchRow]:
    """Yield the batches after that sequence, up to the checkpoint's last, that have records."""
    batches = batch_scan.scan(
        context.catalog, context.workspace_id, after=after, until=context.checkpoint.until
    )
    return (batch for batch in batches if batch.accepted)


def _total_records(context: RebuildContext) -> int:
    with context.catalog.snapshot() as tx:
        return batch_scan.totals(tx, context.workspace_id, landed=True).records
