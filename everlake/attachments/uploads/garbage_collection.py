"""Uploads that nobody wants any more: expired ones, and what a crash left of any."""

from collections.abc import Iterable
from itertools import chain, islice

from everlake.attachments.paths import uploads_folder
from everlake.attachments.uploads.service import delete_objects
from everlake.catalog import uploads, workspaces
from everlake.catalog.database import Catalog
from everlake.logs import logger
from everlake.storage import ObjectInfo, ObjectStore

EXPIRY_GRACE_MS = 3_600_000
"""From an upload's end until it is forgotten: a batch that names it may be under way."""
ORPHAN_AGE_MS = 24 * 3_600_000
"""Age from which what was uploaded goes where no upload is known that it could belong to."""

_BATCH_SIZE = 1_000
_MAX_WORKSPACES = 1_000_000

_log = logger()


def delete_expired(catalog: Catalog, store: ObjectStore) -> int:
    """Forget uploads that no record named in time, and delete what came of them; how many.

    An upload is forgotten first, unless a record has named it meanwhile; what came of it goes
    then. The other way round a record could name it in between, and find nothing. After a crash
    between the two :func:`sweep` finds what is left.

    Raises:
        CatalogError, StorageError: it cannot be done now.
    """
    total = 0
    while True:
        with catalog.autocommit() as tx:
            found = uploads.list_expired(
                tx, now=catalog.now_ms() - EXPIRY_GRACE_MS, limit=_BATCH_SIZE
            )
        if not found:
            return total
        with catalog.transaction() as tx:
            forgotten = [each for each in found if uploads.delete_unused(tx, [each.id])]
        for each in forgotten:
            delete_objects(store, each.workspace_id, each.id)
        total += len(forgotten)
        _log.info("forgot uploads that were not used", uploads=len(forgotten))


def delete_orphans(catalog: Catalog, store: ObjectStore, *, min_age_ms: int = ORPHAN_AGE_MS) -> int:
    """Delete what was uploaded and belongs to no upload, or to one whose content was taken in.

    A crash leaves such objects, and a client that writes into the bucket behind the end of its
    upload. Folders of workspaces that the catalog does not know are left alone: it may have been
    restored from an older copy.

    Raises:
        CatalogError, StorageError: it cannot be done now.
    """
    with catalog.snapshot() as tx:
        ids = [workspace.id for workspace in workspaces.page(tx, limit=_MAX_WORKSPACES)]
    newest = catalog.now_ms() - min_age_ms
    swept = 0
    for workspace_id in ids:
        old = (
            found
            for found in store.list(uploads_folder(workspace_id))
            if found.modified_ms <= newest
        )
        while chunk := list(islice(old, _BATCH_SIZE)):
            swept += _delete_orphans_among(catalog, store, workspace_id, chunk)
    return swept


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
        _log.warning("deleted what belongs to no upload", path=path)
    return len(paths)
