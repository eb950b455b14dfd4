"""Garbage collection of the archive and the catalog: orphaned objects and expired data."""

from everlake.catalog import batches, idempotency, workspaces
from everlake.catalog.database import Catalog
from everlake.landing.orphans import iter_orphans
from everlake.landing.paths import ORPHANS, is_complete
from everlake.logs import logger
from everlake.storage import ObjectStore

_CHUNK_SIZE = 1_000
_HOUR_MS = 3_600_000

_log = logger()


def quarantine_orphans(catalog: Catalog, store: ObjectStore, min_age_ms: int) -> int:
    """Move objects that belong to no batch from the archive to ``orphans/``.

    They are kept for one case: a catalog restored from an older backup lacks the batches that
    came after it, and their objects are the only copy. For the same reason the objects of
    workspaces that the catalog does not have are left alone.

    Args:
        catalog: has the batches.
        store: the archive.
        min_age_ms: age in milliseconds below which an object may still become a batch's.

    Returns:
        the number of objects moved.
    """
    with catalog.snapshot() as tx:
        ids = workspaces.list_ids(tx)
    moved = 0
    for workspace_id in ids:
        for path in iter_orphans(catalog, store, workspace_id, min_age_ms=min_age_ms):
            if is_complete(path):
                store.put_many([(f"{ORPHANS}/{path}", store.get(path))])
            store.delete(path)
            _log.warning("moved an orphaned object out of the archive", path=path)
            moved += 1
    return moved


def delete_expired_responses(catalog: Catalog, keep_hours: int) -> int:
    """Delete stored responses of idempotency keys that are older; return their number.

    Contract, Idempotency-Key: kept for at least 24 hours.
    """
    before = catalog.now_ms() - keep_hours * _HOUR_MS
    deleted = _CHUNK_SIZE
    total = 0
    while deleted == _CHUNK_SIZE:
        with catalog.transaction() as tx:
            deleted = idempotency.delete_before(tx, created_before=before, limit=_CHUNK_SIZE)
        total += deleted
    return total


def delete_expired_rejected(
    catalog: Catalog, store: ObjectStore, keep_days: int, after: str = ""
) -> str:
    """Delete the rejected records of batches that are older; accepted records stay.

    An object is deleted before its path is cleared in the catalog: after a crash between the two,
    the next call deletes it again. In the other order nothing would name the object any more.

    Args:
        catalog: has the batches.
        store: has the objects.
        keep_days: age of a batch in days.
        after: the id that an earlier call returned, to go on from there; empty for the first one.

    Returns:
        the id of the last batch that was looked at.
    """
    before = catalog.now_ms() - keep_days * 24 * _HOUR_MS
    while True:
        with catalog.autocommit() as tx:
            found = batches.list_rejected_paths(
                tx, after=after, created_before=before, limit=_CHUNK_SIZE
            )
        expired = {batch_id: path for batch_id, path in found if path is not None}
        for path in expired.values():
            store.delete(path)
        if expired:
            with catalog.transaction() as tx:
                batches.clear_rejected_paths(tx, expired)
            _log.info("deleted rejected records", batches=len(expired), older_than_days=keep_days)
        after = found[-1][0] if found else after
        if len(found) < _CHUNK_SIZE:
            return after
