"""A rebuild from its beginning, or from where it was stopped, to the swap."""

import time
from contextlib import ExitStack, suppress
from pathlib import Path

from everlake.catalog import batches, queue, readings, sequence, workspaces
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogUnavailable
from everlake.lake import Lake, LakeDamaged, LakeError, LakeUnavailable
from everlake.lake.bulk import Bulk
from everlake.lake.dataset import Snapshot
from everlake.lake.lake import RECORDS, UTTERANCES
from everlake.lake.problems import Problem
from everlake.lake.site import Place
from everlake.storage import ObjectStore
from everlake.worker.attachments.indexing import Indexing
from everlake.worker.leases import WriterLeases
from everlake.worker.rebuild.catch_up import catch_up, catch_up_with_all
from everlake.worker.rebuild.fill import RESERVE_BYTES, fill
from everlake.worker.rebuild.job import Job, Rebuilt, Watch
from everlake.worker.rebuild.notes import Lost, Notes

ROUNDS = 5
"""How often to catch up while others write, at the most."""

FEW_RECORDS = 2_000
"""So few are caught up with while others wait."""

_PATIENCE_SECONDS = 60.0
_TEXTS_LEASE_MS = 300_000
"""Nothing renews it here. What this process leaves behind when it dies waits for so long."""
_SHARE = 0.5
"""The tables take at least this share of the archive's lines, before these are compressed."""


def rebuild(
    catalog: Catalog,
    store: ObjectStore,
    lake: Lake,
    writers: WriterLeases,
    workspace_id: str,
    watch: Watch,
    scratch: Path,
) -> Rebuilt:
    """Make the workspace's tables again; the old ones serve until then.

    One process at a time. When it is stopped, at any instant, the next call goes on.

    Args:
        writers: takes the right to write the tables for the time of the swap.
        scratch: an empty directory for what does not fit into memory.

    Raises:
        LakeUnavailable: no room, or another writes and does not pause; the message says which.
        CatalogUnavailable, StorageUnavailable: likewise.
    """
    place = lake.place(workspace_id)
    try:
        place.settle()
        if (notes := Notes.decoded(place.swapped_notes())) is not None:
            _write_texts(catalog, store, lake, writers, watch)
            return _finished(lake, workspace_id, place, notes)
        place.clean()
        staged = lake.staged()
        job = Job(
            catalog=catalog,
            store=store,
            lake=lake,
            staged=staged,
            place=place,
            workspace_id=workspace_id,
            notes=_resumed(staged, place, workspace_id)
            or _begun(catalog, staged, place, workspace_id),
            watch=watch,
            scratch=scratch,
        )
        fill(job)
        for _ in range(ROUNDS):
            if catch_up(job) <= FEW_RECORDS:
                break
        with Bulk(staged, workspace_id) as bulk:
            bulk.tidy()
        _swap(job, writers)
        with catalog.write() as tx:
            queue.hurry(tx, workspace_id, now=catalog.now_ms())  # some may wait for better tables
        _write_texts(catalog, store, lake, writers, watch)
        return _finished(lake, workspace_id, place, job.notes)
    except LakeDamaged as damage:
        place.drop_staged()
        raise LakeUnavailable(
            f"The new tables were damaged while they were made, and are removed ({damage}). "
            "Check the disk's health, and run the command again."
        ) from damage
    except OSError as error:
        raise LakeUnavailable(
            f"The new tables in {place.staged} cannot be written: {error}. "
            "Check the disk's space, health and permissions, and run the command again."
        ) from error
    finally:
        with suppress(CatalogUnavailable):
            place.leave()


def _resumed(staged: Lake, place: Place, workspace_id: str) -> Notes | None:
    """The notes of a rebuild that was stopped, with the tables as they say."""
    notes = Notes.decoded(place.notes())
    if notes is None:
        place.drop_staged()
    elif not notes.indexed:
        with Bulk(staged, workspace_id) as bulk:
            bulk.go_back(notes.versions)
    return notes


def _begun(catalog: Catalog, staged: Lake, place: Place, workspace_id: str) -> Notes:
    place.make()
    with catalog.read() as tx:
        workspace = workspaces.get(tx, workspace_id)
        needed = int(sequence.totals(tx, workspace_id, landed=True).bytes * _SHARE) + RESERVE_BYTES
    free = place.free_bytes()
    if free is not None and free < needed:
        raise LakeUnavailable(
            f"The new tables of workspace {workspace_id} need {needed / 1024**2:,.0f} MB or more "
            f"beside the old ones, and {free / 1024**2:,.0f} MB are free on the disk of "
            f"{place.staged}. Make room and run the command again."
        )
    with Bulk(staged, workspace_id) as bulk:
        versions = bulk.flush()
    notes = Notes(until=0 if workspace is None else workspace.last_sequence, versions=versions)
    place.save_notes(notes.encoded())
    return notes


def _swap(job: Job, writers: WriterLeases) -> None:
    """With everybody kept from writing, make the new tables whole, and those that serve."""
    job.notes.kept = _where_to_keep(job)
    writers.seize(job.workspace_id)
    try:
        with _stilled(job):
            catch_up_with_all(job)
            _let_texts_come_again(job)
            job.place.swap(job.notes.kept)
    finally:
        writers.release()


def _let_texts_come_again(job: Job) -> None:
    """What attachments say is not made with the records' own words, but is written afterwards.

    It may be more than fits into memory, and who writes it has a queue for that.
    """
    with job.catalog.write() as tx:
        now = job.catalog.now_ms()
        readings.index_again(tx, job.workspace_id, since=0, now=now)


def _write_texts(
    catalog: Catalog, store: ObjectStore, lake: Lake, writers: WriterLeases, watch: Watch
) -> None:
    """Write what attachments say, as far as no worker is at it."""
    indexing = Indexing(
        catalog, store, lake, writers, worker=writers.owner, lease_ms=_TEXTS_LEASE_MS
    )
    try:
        while indexing.turn():
            watch("writing texts of attachments", 0, None)
    finally:
        writers.release()


def _stilled(job: Job) -> ExitStack:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        stack = ExitStack()
        try:
            stack.enter_context(job.lake.still(job.workspace_id))
        except LakeUnavailable:
            if time.monotonic() > deadline:
                raise
        else:
            return stack


def _where_to_keep(job: Job) -> str | None:
    """A place for the old tables, where there is something in them that is nowhere else."""
    torn = any(not lost.readable for lost in job.notes.lost.values())
    if not torn and not _has_strangers(job):
        return None
    return job.place.where_to_keep()


def _has_strangers(job: Job) -> bool:
    """Whether the old tables hold records of batches that the catalog does not know."""

    def look(now: Snapshot) -> bool:
        for rows in now.stream(["batch_id"], rows=65_536):
            ids = set(rows.column("batch_id").to_pylist())
            with job.catalog.read() as tx:
                if len(batches.exists_many(tx, ids)) < len(ids):
                    return True
        return False

    try:
        return job.lake.table(job.workspace_id, RECORDS).read(look, False)
    except LakeError:
        return False


def _finished(lake: Lake, workspace_id: str, place: Place, notes: Notes) -> Rebuilt:
    place.clean()
    place.drop_staged()
    return Rebuilt(
        workspace_id=workspace_id,
        records=lake.count_records(workspace_id),
        utterances=lake.table(workspace_id, UTTERANCES).read(lambda now: now.count(), 0),
        problems=[_problem(workspace_id, lost) for _, lost in sorted(notes.lost.items())],
        kept=notes.kept,
    )


def _problem(workspace_id: str, lost: Lost) -> Problem:
    unread = "" if lost.readable else ", which cannot be read in full"
    return Problem(
        batch_id=lost.batch_id,
        problem=(
            f"its landing object {lost.path} is no good: {lost.reason}; {lost.carried:,} of its "
            f"{lost.accepted:,} records were taken over from the old tables{unread}"
        ),
        action=(
            "put the object back from a backup and run everlake lake rebuild --workspace "
            f"{workspace_id}; where there is no backup, send the records again"
        ),
    )
