"""Rebuild of one workspace: from its beginning, or a checkpoint, to the swap."""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from everlake.catalog import batch_queue, batch_scan, batches, texts, workspaces
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogUnavailable
from everlake.integrity.rebuild.catch_up import catch_up, catch_up_exclusively
from everlake.integrity.rebuild.checkpoint import LostBatch, RebuildCheckpoint, format_version
from everlake.integrity.rebuild.context import RebuildContext, bulk_loader
from everlake.integrity.rebuild.initial_load import MIN_FREE_BYTES, load_tables
from everlake.integrity.rebuild.types import RebuildResult
from everlake.integrity.types import IntegrityProblem, StepProgressCallback, rebuild_command
from everlake.lake import Lake, LakeDamaged, LakeError, LakeUnavailable
from everlake.lake.utterance_rows import UTTERANCES_TABLE
from everlake.lake.writer_leases import WriterLeases
from everlake.storage import ObjectStore
from everlake.tables.backend import TableSet
from everlake.tables.snapshot import Snapshot
from everlake.tables.spec import TableSpec, WriteMode

MAX_CATCH_UP_ROUNDS = 5
"""Most rounds of catching up while others write."""

CATCH_UP_GOAL_RECORDS = 2_000
"""After a round that merged so few records, the rest is merged with all writers locked out."""

_LOCK_TIMEOUT_SECONDS = 60.0
_BATCH_ROWS = 65_536
_MIN_SIZE_RATIO = 0.5
"""The tables take at least this share of the archive's lines before compression."""


def rebuild(
    catalog: Catalog,
    store: ObjectStore,
    lake: Lake,
    writer_leases: WriterLeases,
    workspace_id: str,
    *,
    index_attachment_texts: Callable[[], bool],
    report_progress: StepProgressCallback,
    temporary_directory: Path,
) -> RebuildResult:
    """Rebuild the tables of a workspace; the old ones stay in use until the new ones are complete.

    Only one process at a time may rebuild. When it is stopped, at any instant, the next call
    resumes the rebuild.

    Args:
        catalog: has the batches.
        store: the landing archive.
        lake: the tables.
        writer_leases: takes the right to write the tables during the swap.
        workspace_id: the workspace.
        index_attachment_texts: writes some of the texts of attachments that are queued for
            indexing to the tables; returns False when there were none. It may use
            ``writer_leases``.
        report_progress: is called after each piece of work.
        temporary_directory: an empty directory for what does not fit into memory.

    Raises:
        LakeUnavailable: the disk is too small, or another process writes and does not pause; the
            message says which.
        CatalogUnavailable, StorageUnavailable: catalog or storage cannot be used now.
        TemporaryStorageFull: the temporary directory is full.
    """
    table_set = lake.engine.table_set(workspace_id)
    try:
        table_set.acquire_staging()
        now = catalog.now_ms()
        checkpoint = RebuildCheckpoint.decode(table_set.swapped_checkpoint(), lake.registry, now)
        if checkpoint is None:
            table_set.remove_replaced()
            staged = lake.staged()
            checkpoint = _resume(staged, table_set, workspace_id, now) or _begin(
                catalog, staged, table_set, workspace_id, now
            )
            context = RebuildContext(
                catalog=catalog,
                store=store,
                lake=lake,
                staged_lake=staged,
                table_set=table_set,
                workspace_id=workspace_id,
                checkpoint=checkpoint,
                report_progress=report_progress,
                temporary_directory=temporary_directory,
            )
            _make_tables(context, writer_leases)
        try:
            while index_attachment_texts():
                report_progress("writing texts of attachments", 0, None)
        finally:
            writer_leases.release_all()
        return _result(lake, workspace_id, table_set, checkpoint)
    except LakeDamaged as damage:
        table_set.drop_staged()
        raise LakeUnavailable(
            f"The new tables were damaged while they were written, and are deleted ({damage}). "
            "Check the disk's health, and run the command again."
        ) from damage
    except OSError as error:
        raise LakeUnavailable(
            f"The new tables in {table_set.staged_uri} cannot be written: {error}. "
            "Check the disk's space, health and permissions, and run the command again."
        ) from error
    finally:
        with suppress(CatalogUnavailable):
            table_set.release_staging()


def _resume(
    staged_lake: Lake, table_set: TableSet, workspace_id: str, now: int
) -> RebuildCheckpoint | None:
    """Restore the staged tables to the state of the checkpoint; None when there is none."""
    checkpoint = RebuildCheckpoint.decode(table_set.checkpoint(), staged_lake.registry, now)
    if checkpoint is None:
        table_set.drop_staged()
    elif not checkpoint.indexed:
        with bulk_loader(staged_lake, workspace_id) as loader:
            loader.roll_back(checkpoint.versions)
    return checkpoint


def _begin(
    catalog: Catalog, staged_lake: Lake, table_set: TableSet, workspace_id: str, now: int
) -> RebuildCheckpoint:
    table_set.create_staged()
    with catalog.snapshot() as tx:
        workspace = workspaces.get(tx, workspace_id)
        landed_bytes = batch_scan.totals(tx, workspace_id, landed=True).bytes
    needed = int(landed_bytes * _MIN_SIZE_RATIO) + MIN_FREE_BYTES
    free = table_set.free_bytes()
    if free is not None and free < needed:
        raise LakeUnavailable(
            f"The new tables of workspace {workspace_id} need at least {needed / 1024**2:,.0f} MB "
            f"beside the old ones, and {free / 1024**2:,.0f} MB are free on the disk of "
            f"{table_set.staged_uri}. Free disk space and run the command again."
        )
    with bulk_loader(staged_lake, workspace_id) as loader:
        versions = loader.flush()
    checkpoint = RebuildCheckpoint(
        made_by=format_version(staged_lake.registry),
        started_at=now,
        until=0 if workspace is None else workspace.last_sequence,
        versions=versions,
    )
    table_set.save_checkpoint(checkpoint.encode())
    return checkpoint


def _make_tables(context: RebuildContext, writer_leases: WriterLeases) -> None:
    load_tables(context)
    for _ in range(MAX_CATCH_UP_ROUNDS):
        if catch_up(context) <= CATCH_UP_GOAL_RECORDS:
            break
    with bulk_loader(context.staged_lake, context.workspace_id) as loader:
        loader.remove_other_versions()
    _swap(context, writer_leases)
    with context.catalog.transaction() as tx:
        # Batches may have been postponed because the old tables were damaged.
        batch_queue.make_due(tx, context.workspace_id, now=context.catalog.now_ms())


def _swap(context: RebuildContext, writer_leases: WriterLeases) -> None:
    """With all writers locked out, complete the new tables and let them replace the old ones."""
    context.checkpoint.kept = _backup_uri(context)
    writer_leases.force_acquire(context.workspace_id)
    try:
        with _lock_writes(context):
            catch_up_exclusively(context)
            with context.catalog.transaction() as tx:
                # Texts of attachments may be larger than memory, and their queue bounds that.
                texts.reindex(tx, context.workspace_id, now=context.catalog.now_ms())
            context.table_set.swap(context.checkpoint.kept)
    finally:
        writer_leases.release_all()


def _lock_writes(context: RebuildContext) -> ExitStack:
    """Lock all writers out, waiting until those that are writing have finished.

    Raises:
        LakeUnavailable: one does not finish within a minute.
    """
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


def _backup_uri(context: RebuildContext) -> str | None:
    """Return where to keep the old tables; None when the new ones hold all that they do."""
    unread = any(not lost.readable for lost in context.checkpoint.lost.values())
    if not unread and not _has_unknown_batches(context):
        return None
    return context.table_set.backup_uri()


def _has_unknown_batches(context: RebuildContext) -> bool:
    """Return whether the old tables hold records of batches that the catalog does not have."""
    return any(
        _names_unknown_batch(context, table.spec)
        for table in context.lake.registry
        if table.spec.mode is WriteMode.LATEST
    )


def _names_unknown_batch(context: RebuildContext, spec: TableSpec) -> bool:
    def search(now: Snapshot) -> bool:
        for rows in now.stream(["batch_id"], rows=_BATCH_ROWS):
            ids = set(rows.column("batch_id").to_pylist())
            with context.catalog.snapshot() as tx:
                if len(batches.find_existing_ids(tx, ids)) < len(ids):
                    return True
        return False

    try:
        return context.lake.engine.table(context.workspace_id, spec).read(search, False)
    except LakeError:
        return False


def _result(
    lake: Lake, workspace_id: str, table_set: TableSet, checkpoint: RebuildCheckpoint
) -> RebuildResult:
    table_set.remove_replaced()
    table_set.drop_staged()
    utterances = lake.engine.table(workspace_id, UTTERANCES_TABLE)
    return RebuildResult(
        workspace_id=workspace_id,
        records=lake.records.count(workspace_id),
        utterances=utterances.read(lambda now: now.count(), 0),
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
            f"its landing object {batch.path} cannot be used: {batch.reason}; {batch.salvaged:,} "
            f"of its {batch.accepted:,} records were taken over from the old tables{unread}"
        ),
        action=(
            f"restore the object from a backup and run {rebuild_command(workspace_id)}; without "
            "a backup, send the records again"
        ),
    )
