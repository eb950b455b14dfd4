"""Objects of the archive that belong to no batch."""

import time
from itertools import islice

from everlake.catalog import batches
from everlake.catalog.database import Catalog
from everlake.landing.paths import batch_id_of, landing_folder
from everlake.storage import ObjectStore

MAX_REPORTED_ORPHANS = 1_000
_CHUNK_SIZE = 1_000
_MIN_AGE_MS = 60_000
"""A younger object may still become a batch."""


def find_orphans(catalog: Catalog, store: ObjectStore, workspace_id: str) -> list[str]:
    """The paths of such objects of the workspace, the first :data:`MOST` that are found."""
    before = time.time_ns() // 1_000_000 - _MIN_AGE_MS
    objects = store.list(landing_folder(workspace_id))
    paths = (each.path for each in objects if each.modified_ms <= before)
    found: list[str] = []
    while len(found) < MAX_REPORTED_ORPHANS and (chunk := list(islice(paths, _CHUNK_SIZE))):
        ids = {path: batch_id_of(path) for path in chunk}
        with catalog.snapshot() as tx:
            known = batches.find_existing_ids(tx, set(ids.values()))
        found += [path for path in chunk if ids[path] not in known]
    return sorted(found[:MAX_REPORTED_ORPHANS])
