"""Catch-up: merges what landed, or was analysed, while the new tables were filled.

Rows are written as the worker writes them, so that any of it may be repeated.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any

from everlake.catalog import batch_scan
from everlake.contract.batches import BatchStatus
from everlake.integrity.rebuild.checkpoint import LostBatch
from everlake.integrity.rebuild.context import RebuildContext
from everlake.integrity.rebuild.salvage import salvage_batch
from everlake.lake import LakeError
from everlake.landing.accepted import LandedRecord
from everlake.landing.batch_objects import UNREADABLE_ERRORS, read_accepted
from everlake.model.batches import BatchRow
from everlake.tables.registry import DerivedTable

MAX_MERGE_RECORDS = 20_000
MAX_MERGE_BYTES = 32 * 1024 * 1024


def catch_up(context: RebuildContext) -> int:
    """Merge once what is missing, while others write; return the number of records merged."""
    return _CatchUpPass(context, frozenset(), frozenset()).run()


def catch_up_exclusively(context: RebuildContext) -> int:
    """Merge the rest, with all writers locked out; return the number of records merged.

    A worker that was locked out in the middle of its work goes on afterwards, and moves its
    batches forward although it wrote them to the old tables. So whatever it may have written to
    these is written to the new tables as well: batches that are being landed when the old tables
    have some of their arrivals, and batches that are being analysed in any case.
    """
    with context.catalog.snapshot() as tx:
        landing = batch_scan.find_claimed_ids(tx, context.workspace_id, BatchStatus.LANDING)
        processing = batch_scan.find_claimed_ids(tx, context.workspace_id, BatchStatus.PROCESSING)
    with suppress(LakeError):  # if the arrivals cannot be read, any of the batches may be there
        landing = context.lake.arrivals.batches_with_arrivals(context.workspace_id, sorted(landing))
    return _CatchUpPass(context, landing, processing).run()


class _CatchUpPass:
    """One pass over the batches that the new tables lack.

    Args:
        context: the rebuild.
        assume_landed: ids of batches to take as landed, whatever the catalog says.
        assume_analysed: ids of batches to take as analysed.
    """

    def __init__(
        self,
        context: RebuildContext,
        assume_landed: Collection[str],
        assume_analysed: Collection[str],
    ) -> None:
        self._context = context
        self._checkpoint = context.checkpoint
        self._registry = context.staged_lake.registry
        self._assume_landed = assume_landed
        self._assume_analysed = assume_analysed
        self._rows: dict[str, list[Any]] = {table.name: [] for table in self._registry}
        self._buffered_records = 0
        self._buffered_bytes = 0
        self._merged_records = 0

    def run(self) -> int:
        last = self._checkpoint.until
        for batch in self._pending_batches():
            last = max(last, batch.sequence)
            if batch.accepted:
                self._add_batch(batch)
            if (
                self._buffered_records >= MAX_MERGE_RECORDS
                or self._buffered_bytes >= MAX_MERGE_BYTES
            ):
                self._flush()
        self._flush()
        self._checkpoint.until = last
        self._context.save_checkpoint()
        return self._merged_records

    def _pending_batches(self) -> Iterator[BatchRow]:
        context, checkpoint = self._context, self._checkpoint
        known = sorted(checkpoint.missing | checkpoint.silent)
        yield from batch_scan.scan_sequences(context.catalog, context.workspace_id, known)
        yield from batch_scan.scan(context.catalog, context.workspace_id, after=checkpoint.until)

    def _add_batch(self, batch: BatchRow) -> None:
        checkpoint, sequence = self._checkpoint, batch.sequence
        merged = sequence in checkpoint.silent
        landed = merged or batch.landed_at is not None or batch.id in self._assume_landed
        analysed = batch.status is BatchStatus.COMPLETE or batch.id in self._assume_analysed
        if not landed:
            checkpoint.missing.add(sequence)
            return
        if merged and not analysed:
            return
        try:
            records = read_accepted(self._context.store, batch)
        except UNREADABLE_ERRORS as error:
            self._salvage(batch, str(error))
            return
        checkpoint.lost.pop(sequence, None)
        checkpoint.missing.discard(sequence)
        if not merged:
            self._add_rows(self._registry.landed, batch, records)
            self._merged_records += len(records)
        if analysed:
            self._add_rows(self._registry.analysed, batch, records)
            checkpoint.silent.discard(sequence)
        else:
            checkpoint.silent.add(sequence)
        self._buffered_bytes += batch.landing_bytes

    def _add_rows(
        self, tables: Sequence[DerivedTable[Any]], batch: BatchRow, records: list[LandedRecord]
    ) -> None:
        for table in tables:
            self._rows[table.name] += [table.derive(record, batch) for record in records]
        self._buffered_records += len(records)

    def _salvage(self, batch: BatchRow, reason: str) -> None:
        """Copy from the old tables what the archive has lost."""
        context, checkpoint = self._context, self._checkpoint
        checkpoint.missing.add(batch.sequence)
        if batch.sequence in checkpoint.lost:
            return
        self._flush()
        salvaged = salvage_batch(context.lake, context.staged_lake, context.workspace_id, batch)
        checkpoint.lost[batch.sequence] = LostBatch(
            batch_id=batch.id,
            path=batch.landing_path or "",
            reason=reason,
            accepted=batch.accepted,
            salvaged=salvaged.records,
            readable=salvaged.readable,
        )

    def _flush(self) -> None:
        context = self._context
        for table in self._registry:
            if rows := self._rows[table.name]:
                table.write(context.staged_lake.engine, context.workspace_id, rows)
                rows.clear()
        self._buffered_records = self._buffered_bytes = 0
        context.report_progress("catching up", self._merged_records, None)
