"""A rebuild from its beginning, or from where it was stopped, to the swap."""

import time
from contextlib import ExitStack, suppress
from pathlib import Path

from everlake.catalog import batch_queue, batch_scan, batches, extraction_queue, workspaces
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogUnavailable
from everlake.integrity.rebuild.catch_up import catch_up, catch_up_exclusively
from everlake.integrity.rebuild.checkpoint import LostBatch, RebuildCheckpoint
from everlake.integrity.rebuild.context import RebuildContext, RebuildResult, StepProgressCallback
from everlake.integrity.rebuild.initial_load import MIN_FREE_BYTES, load_tables
from everlake.integrity.types import IntegrityProblem
from everlake.lake import Lake, LakeDamaged, LakeError, LakeUnavailable
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.lake.utterance_rows import UTTERANCES_TABLE
from everlake.lake.writer_leases import WriterLeases
from everlake.storage import ObjectStore
from everlake.tables.backend import TableSet
from everlake.tables.bulk_loader import BulkLoader
from everlake.tables.snapshot import Snapshot
from everlake.worker.attachments.indexing import IndexingWorker

MAX_CATCH_UP_ROUNDS = 5
"""How often to catch up while others write, at the most."""

CATCH_UP_GOAL_RECORDS = 2_000
"""So few are caught up with while others wait."""

_LOCK_TIMEOUT_SECONDS = 60.0
_INDEXING_LEASE_MS = 300_000
"""Nothing renews it here. What this process leaves behind when it dies waits for so long."""
_MIN_SIZE_RATIO = 0.5
"""The tables take at least this share of the archive's lines, before these are compressed."""


def rebuild(
    catalog: Catalog,
    store: ObjectStore,
    lake: Lake,
    writer_leases: WriterLeases,
    workspace_id: str,
    report_progress: StepProgressCallback,
    temporary_directory: Path,
) -> RebuildResult:
    """Make the workspace's tables again; the old ones serve until then.

    One process at a time. When it is stopped, at any instant, the next call goes on.

    Args:
        writer_leases: takes the right to write the tables for the time of the swap.
        temporary_directory: an empty directory for what does not fit into memory.

    Raises:
        LakeUnavailable: no room, or another writes and does not pause; the message says which.
        CatalogUnavailable, StorageUnavailable: likewise.
    """
    place = lake.engine.table_set(workspace_id)
    try:
        place.recover()
        if (notes := RebuildCheckpoint.decode(place.swapped_checkpoint())) is not None:
            _index_attachment_texts(catalog, store, lake, writer_leases, report_progress)
            return _result(lake, workspace_id, place, notes)
        place.remove_replaced()
        staged = lake.staged()
        job = RebuildContext(
            catalog=catalog,
            store=store,
            lake=lake,
            staged_lake=staged,
            table_set=place,
            workspace_id=workspace_id,
            checkpoint=_resume(staged, place, workspace_id)
            or _begin(catalog, staged, place, workspace_id),
            report_progress=report_progress,
            temporary_directory=temporary_directory,
        )
        load_tables(job)
        for _ in range(MAX_CATCH_UP_ROUNDS):
            if catch_up(job) <= CATCH_UP_GOAL_RECORDS:
                break
        with BulkLoader(staged.engine, staged.registry, workspace_id) as bulk:
            bulk.remove_other_versions()
        _swap(job, writer_leases)
        with catalog.transaction() as tx:
            batch_queue.make_due(
                tx, workspace_id, now=catalog.now_ms()
            )  # some may wait for better tables
        _index_attachment_texts(catalog, store, lake, writer_leases, report_progress)
        return _result(lake, workspace_id, place, job.checkpoint)
    except LakeDamaged as damage:
        place.drop_staged()
        raise LakeUnavailable(
            f"The new tables were damaged while they were made, and are removed ({damage}). "
            "Check the disk's health, and run the command again."
        ) from damage
    except OSError as error:
        raise LakeUnavailable(
            f"The new tables in {place.staged_uri} cannot be written: {error}. "
            "Check the disk's space, health and permissions, and run the command again."
        ) from error
    finally:
        with suppress(CatalogUnavailable):
            place.release()


def _resume(staged_lake: Lake, table_set: TableSet, workspace_id: str) -> RebuildCheckpoint | None:
    """The notes of a rebuild that was stopped, with the tables as they say."""
    notes = RebuildCheckpoint.decode(table_set.checkpoint())
    if notes is None:
        table_set.drop_staged()
    elif not notes.indexed:
        with BulkLoader(staged_lake.engine, staged_lake.registry, workspace_id) as bulk:
            bulk.roll_back(notes.versions)
    return notes


def _begin(
    catalog: Catalog, staged_lake: Lake, table_set: TableSet, workspace_id: str
) -> RebuildCheckpoint:
    table_set.create_staged()
    with catalog.snapshot() as tx:
        workspace = workspaces.get(tx, workspace_id)
        needed = (
            int(batch_scan.totals(tx, workspace_id, landed=True).bytes * _MIN_SIZE_RATIO)
            + MIN_FREE_BYTES
        )
    free = table_set.free_bytes()
    if free is not None and free < needed:
        raise LakeUnavailable(
            f"The new tables of workspace {workspace_id} need {needed / 1024**2:,.0f} MB or more "
            f"beside the old ones, and {free / 1024**2:,.0f} MB are free on the disk of "
            f"{table_set.staged_uri}. Make room and run the command again."
        )
    with BulkLoader(staged_lake.engine, staged_lake.registry, workspace_id) as bulk:
        versions = bulk.flush()
    notes = RebuildCheckpoint(
        until=0 if workspace is None else workspace.last_sequence, versions=versions
    )
    table_set.save_checkpoint(notes.encode())
    return notes


def _swap(context: RebuildContext, writer_leases: WriterLeases) -> None:
    """With everybody kept from writing, make the new tables whole, and those that serve."""
    context.checkpoint.kept = _backup_path(context)
    writer_leases.force_acquire(context.workspace_id)
    try:
        with _lock_writes(context):
            catch_up_exclusively(context)
            _requeue_attachment_texts(context)
            context.table_set.swap(context.checkpoint.kept)
    finally:
        writer_leases.release_all()


def _requeue_attachment_texts(context: RebuildContext) -> None:
    """What attachments say is not made with the records' own words, but is written afterwards.

    It may be more than fits into memory, and who writes it has a queue for that.
    """
    with context.catalog.transaction() as tx:
        now = context.catalog.now_ms()
        extraction_queue.reindex(tx, context.workspace_id, since=0, now=now)


def _index_attachment_texts(
    catalog: Catalog,
    store: ObjectStore,
    lake: Lake,
    writer_leases: WriterLeases,
    report_progress: StepProgressCallback,
) -> None:
    """Write what attachments say, as far as no worker is at it."""
    indexing = IndexingWorker(
        catalog, store, lake, writer_leases, worker=writer_leases.owner, lease_ms=_INDEXING_LEASE_MS
    )
    try:
        while indexing.run_once():
            report_progress("writing texts of attachments", 0, None)
    finally:
        writer_leases.release_all()


def _lock_writes(context: RebuildContext) -> ExitStack:
    deadline = time.monotonic() + _LOCK_TIMEOUT_SECONDS
    while True:
        stack = ExitStack()
        try:
            stack.enter_context(context.lake.engine.exclusive(context.workspace_id))
        except LakeUnavailable:
            if time.monotonic() > deadline:
                raise
        else:
            return stack


def _backup_path(context: RebuildContext) -> str | None:
    """A place for the old tables, where there is something in them that is nowhere else."""
    torn = any(not lost.readable for lost in context.checkpoint.lost.values())
    if not torn and not _has_unknown_batches(context):
        return None
    return context.table_set.backup_uri()


def _has_unknown_batches(context: RebuildContext) -> bool:
    """Whether the old tables hold records of batches that the catalog does not know."""

    def look(now: Snapshot) -> bool:
        for rows in now.stream(["batch_id"], rows=65_536):
            ids = set(rows.column("batch_id").to_pylist())
            with context.catalog.snapshot() as tx:
                if len(batches.find_existing_ids(tx, ids)) < len(ids):
                    return True
        return False

    try:
        return context.lake.engine.table(context.workspace_id, RECORDS_TABLE).read(look, False)
    except LakeError:
        return False


def _result(
    lake: Lake, workspace_id: str, table_set: TableSet, checkpoint: RebuildCheckpoint
) -> RebuildResult:
    table_set.remove_replaced()
    table_set.drop_staged()
    return RebuildResult(
        workspace_id=workspace_id,
        records=lake.records.count(workspace_id),
        utterances=lake.engine.table(workspace_id, UTTERANCES_TABLE).read(
            lambda now: now.count(), 0
        ),
        problems=[
            _lost_batch_problem(workspace_id, lost) for _, lost in sorted(checkpoint.lost.items())
        ],
        kept=checkpoint.kept,
    )


def _lost_batch_problem(workspace_id: str, batch: LostBatch) -> IntegrityProblem:
    unread = "" if batch.readable else ", which cannot be read in full"
    return IntegrityProblem(
        batch_id=batch.batch_id,
        problem=(
            f"its landing object {batch.path} is no good: {batch.reason}; {batch.carried:,} of its "
            f"{batch.accepted:,} records were taken over from the old tables{unread}"
        ),
        action=(
            "put the object back from a backup and run everlake lake rebuild --workspace "
            f"{workspace_id}; where there is no backup, send the records again"
        ),
    )
