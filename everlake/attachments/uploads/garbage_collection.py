"""Garbage collection of uploads: expired rows, and objects without a row."""

from collections.abc import Iterable
from itertools import chain

from everlake.attachments.paths import uploads_folder
from everlake.attachments.uploads.content import delete_objects
from everlake.batching import chunked
from everlake.catalog import uploads, workspaces
from everlake.catalog.database import Catalog
from everlake.logs import logger
from everlake.storage import ObjectInfo, ObjectStore

EXPIRY_GRACE_MS = 3_600_000
"""Time from an upload's expiry to its deletion: a batch that references it may be in progress."""
ORPHAN_AGE_MS = 24 * 3_600_000
"""Age from which objects without a row are deleted. It also covers the skew between the clocks of
the catalog and of the object store, which are compared."""

_BATCH_SIZE = 1_000

_log = logger()


def delete_expired(catalog: Catalog, store: ObjectStore) -> int:
    """Delete the uploads that expired without a reference; return how many.

    The row is deleted first, unless a record has referenced it meanwhile, and then the objects:
    in the other order a record could reference an upload whose content is already deleted. After
    a crash between the two, :func:`delete_orphans` deletes the objects.

    Raises:
        CatalogError, StorageError: the uploads cannot be deleted now.
    """
    total = 0
    while True:
        with catalog.autocommit() as tx:
            expired = uploads.list_expired(
                tx, now=catalog.now_ms() - EXPIRY_GRACE_MS, limit=_BATCH_SIZE
            )
        if not expired:
            return total
        with catalog.transaction() as tx:
            deleted = [each for each in expired if uploads.delete_unused(tx, [each.id])]
        for each in deleted:
            delete_objects(store, each.workspace_id, each.id)
        total += len(deleted)
        _log.info("deleted expired uploads", uploads=len(deleted))


def delete_orphans(catalog: Catalog, store: ObjectStore, *, min_age_ms: int = ORPHAN_AGE_MS) -> int:
    """Delete old objects without an upload, or whose content is an attachment by now.

    Causes are a crash, and a client that writes to the bucket after its upload ended. Folders of
    workspaces that the catalog does not know are kept: it may be a restored older copy.

    Args:
        catalog: holds the rows of uploads.
        store: holds the objects.
        min_age_ms: age from which objects are deleted, in milliseconds.

    Returns:
        The number of objects deleted.

    Raises:
        CatalogError, StorageError: the objects cannot be deleted now.
    """
    with catalog.snapshot() as tx:
        ids = workspaces.list_ids(tx)
    newest = catalog.now_ms() - min_age_ms
    deleted = 0
    for workspace_id in ids:
        old = (
            found
            for found in store.list(uploads_folder(workspace_id))
            if found.modified_ms <= newest
        )
        for objects in chunked(old, _BATCH_SIZE):
            deleted += _delete_orphans_among(catalog, store, workspace_id, objects)
    return deleted


def _delete_orphans_among(
    catalog: Catalog, store: ObjectStore, workspace_id: str, objects: Iterable[ObjectInfo]
) -> int:
    by_upload: dict[str, list[str]] = {}
    for found in objects:
        # uploads/workspace=<id>/<upload>/...
        by_upload.setdefault(found.path.split("/")[2], []).append(found.path)
    with catalog.autocommit() as tx:
        rows = uploads.get_many(tx, workspace_id, sorted(by_upload))
        kept = {row.id for row in rows.values() if row.content_sha256 is None}
    paths = list(chain.from_iterable(by_upload[each] for each in by_upload.keys() - kept))
    for path in paths:
        store.delete(path)
        _log.warning("deleted an object without an upload", path=path)
    return len(paths)
