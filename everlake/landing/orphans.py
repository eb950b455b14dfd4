"""Orphaned objects of the archive: objects that belong to no batch of the catalog."""

from collections.abc import Iterator

from everlake.batching import chunked
from everlake.catalog import batches
from everlake.catalog.database import Catalog
from everlake.landing.paths import batch_id_of, landing_folder
from everlake.storage import ObjectStore

_CHUNK_SIZE = 1_000


def iter_orphans(
    catalog: Catalog, store: ObjectStore, workspace_id: str, *, min_age_ms: int
) -> Iterator[str]:
    """Yield the paths of a workspace's objects in the archive that belong to no batch.

    Such an object was written just before a crash, a full disk, or the loss of a race for an
    idempotency key; its sender received no 202.

    Args:
        catalog: has the batches.
        store: has the objects.
        workspace_id: the workspace.
        min_age_ms: age in milliseconds below which an object may still become a batch's.

    Raises:
        CatalogUnavailable, StorageUnavailable: batches or objects cannot be listed now.
    """
    before = catalog.now_ms() - min_age_ms
    objects = store.list(landing_folder(workspace_id))
    paths = (each.path for each in objects if each.modified_ms <= before)
    for chunk in chunked(paths, _CHUNK_SIZE):
        ids = {path: batch_id_of(path) for path in chunk}
        with catalog.snapshot() as tx:
            known = batches.find_existing_ids(tx, set(ids.values()))
        yield from (path for path in chunk if ids[path] not in known)
