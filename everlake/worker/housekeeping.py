"""What a worker does on the side: tidy the lake's tables, sweep away what a crash left."""

from everlake.catalog import batches
from everlake.catalog.engine import Catalog
from everlake.lake import Lake
from everlake.landing.paths import ROOT, batch_id_of
from everlake.logs import logger
from everlake.storage import ObjectStore
from everlake.worker.leases import WriterLeases, now_ms

_CHUNK = 1_000

_log = logger()


def tidy(lake: Lake, writers: WriterLeases) -> None:
    """One bounded round of upkeep for every workspace that this worker writes."""
    for workspace_id in writers.held():
        writers.hold(workspace_id)
        for step in lake.upkeep(workspace_id):
            _log.info(
                "upkeep",
                workspace=workspace_id,
                table=step.table,
                action=step.action,
                amount=step.amount,
            )


def sweep(catalog: Catalog, store: ObjectStore, min_age_ms: int) -> int:
    """Delete landing objects that no batch knows; returns how many.

    Such an object was written just before a crash, a full disk, or the loss of a race for an
    idempotency key. Its sender got no 202. Younger objects may still be on their way to a row.
    """
    swept = 0
    chunk: dict[str, str] = {}
    newest = now_ms() - min_age_ms
    for found in store.list(ROOT):
        if found.modified_ms <= newest:
            chunk[found.path] = batch_id_of(found.path)
        if len(chunk) >= _CHUNK:
            swept += _sweep_chunk(catalog, store, chunk)
            chunk = {}
    return swept + _sweep_chunk(catalog, store, chunk)


def _sweep_chunk(catalog: Catalog, store: ObjectStore, chunk: dict[str, str]) -> int:
    with catalog.read() as tx:
        known = batches.exists_many(tx, chunk.values())
    orphans = [path for path, batch_id in chunk.items() if batch_id not in known]
    for path in orphans:
        store.delete(path)
        _log.warning("swept an object without a batch", path=path)
    return len(orphans)
