"""What a worker does on the side: tidy the lake's tables, sweep away what a crash left."""

from contextlib import suppress
from itertools import chain

from everlake.catalog import batches, idempotency, workspaces
from everlake.catalog.database import Catalog
from everlake.lake import Lake, LakeError
from everlake.lake.writer_leases import WriterLeaseLost, WriterLeases
from everlake.landing.paths import ORPHANS, batch_id_of, is_complete, landing_folder
from everlake.logs import logger
from everlake.storage import ObjectStore

_CHUNK_SIZE = 1_000
_HOUR_MS = 3_600_000
_MAX_WORKSPACES = 1_000_000

_log = logger()


def repair_tables(catalog: Catalog, lake: Lake, writer_leases: WriterLeases) -> None:
    """Set aside what a power cut or a kill left half written in any workspace's tables.

    Whoever writes to them next would do it, but nothing may be left to write, and until then
    they may be unreadable.
    """
    with catalog.snapshot() as tx:
        ids = [workspace.id for workspace in workspaces.page(tx, limit=_MAX_WORKSPACES)]
    for workspace_id in ids:
        try:
            if lake.engine.has_unpublished_versions(workspace_id):
                with writer_leases.holding(workspace_id):
                    lake.engine.repair(workspace_id)
        except (LakeError, WriterLeaseLost) as error:
            _log.warning("not mended", workspace=workspace_id, reason=str(error))


def maintain_tables(lake: Lake, writer_leases: WriterLeases) -> None:
    """One bounded round of upkeep for every workspace that this worker has written of late."""
    for workspace_id in writer_leases.recently_written():
        with (
            suppress(WriterLeaseLost),
            writer_leases.holding(workspace_id),
        ):  # else the other one does it
            for step in lake.engine.maintain(workspace_id):
                _log.info(
                    "upkeep",
                    workspace=workspace_id,
                    table=step.table,
                    action=step.action,
                    amount=step.amount,
                )


def quarantine_orphans(catalog: Catalog, store: ObjectStore, min_age_ms: int) -> int:
    """Move landing objects that no batch knows out of the archive; returns how many.

    Such an object was written just before a crash, a full disk, or the loss of a race for an
    idempotency key. Its sender got no 202. Younger objects may still be on their way to a row.
    They are kept beside the archive, under ``orphans/``, for one case: a catalog restored from
    an older copy does not know the batches that came after it, and their objects are the truth.
    For the same reason folders of workspaces that the catalog does not know are left alone.
    """
    with catalog.snapshot() as tx:
        folders = [
            landing_folder(workspace.id) for workspace in workspaces.page(tx, limit=_MAX_WORKSPACES)
        ]
    swept = 0
    chunk: dict[str, str] = {}
    newest = catalog.now_ms() - min_age_ms
    for found in chain.from_iterable(store.list(folder) for folder in folders):
        if found.modified_ms <= newest:
            chunk[found.path] = batch_id_of(found.path)
        if len(chunk) >= _CHUNK_SIZE:
            swept += _quarantine_chunk(catalog, store, chunk)
            chunk = {}
    return swept + _quarantine_chunk(catalog, store, chunk)


def _quarantine_chunk(catalog: Catalog, store: ObjectStore, chunk: dict[str, str]) -> int:
    with catalog.snapshot() as tx:
        known = batches.find_existing_ids(tx, chunk.values())
    orphans = [path for path, batch_id in chunk.items() if batch_id not in known]
    for path in orphans:
        if is_complete(path):
            store.put_many([(f"{ORPHANS}/{path}", store.get(path))])
        store.delete(path)
        _log.warning("moved an object without a batch out of the archive", path=path)
    return len(orphans)


def delete_expired_responses(catalog: Catalog, keep_hours: int) -> int:
    """Forget remembered answers that are older; returns how many.

    Contract, Idempotency-Key: kept at least 24 hours.
    """
    before = catalog.now_ms() - keep_hours * _HOUR_MS
    forgotten = _CHUNK_SIZE
    total = 0
    while forgotten == _CHUNK_SIZE:
        with catalog.transaction() as tx:
            forgotten = idempotency.delete_before(tx, created_before=before, limit=_CHUNK_SIZE)
        total += forgotten
    return total


def delete_expired_rejected(
    catalog: Catalog, store: ObjectStore, keep_days: int, after: str = ""
) -> str:
    """Delete the objects of refused records of batches that are older; accepted ones stay.

    An object goes before its batch says so: after a crash between the two, the next call does it
    again. The other way round nobody would know of the object any more.

    Args:
        after: the id that an earlier call returned: what is before it has been seen to.

    Returns:
        the id of the last batch that was looked at.
    """
    before = catalog.now_ms() - keep_days * 24 * _HOUR_MS
    while True:
        with catalog.autocommit() as tx:
            found = batches.list_rejected_paths(
                tx, after=after, created_before=before, limit=_CHUNK_SIZE
            )
        old = {batch_id: path for batch_id, path in found if path is not None}
        for path in old.values():
            store.delete(path)
        if old:
            with catalog.transaction() as tx:
                batches.clear_rejected_paths(tx, old)
            _log.info("deleted refused records", batches=len(old), older_than_days=keep_days)
        after = found[-1][0] if found else after
        if len(found) < _CHUNK_SIZE:
            return after
