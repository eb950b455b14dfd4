"""Objects of the archive that belong to no batch."""

import time
from itertools import islice

from everlake.catalog import batches
from everlake.catalog.engine import Catalog
from everlake.landing.paths import batch_id_of, landing_folder
from everlake.storage import ObjectStore

MOST = 1_000
_CHUNK = 1_000
_ON_THEIR_WAY_MS = 60_000
"""A younger object may still become a batch."""


def orphans(catalog: Catalog, store: ObjectStore, workspace_id: str) -> list[str]:
    """The paths of such objects of the workspace, the first :data:`MOST` that are found."""
    before = time.time_ns() // 1_000_000 - _ON_THEIR_WAY_MS
    objects = store.list(landing_folder(workspace_id))
    paths = (each.path for each in objects if each.modified_ms <= before)
    found: list[str] = []
    while len(found) < MOST and (chunk := list(islice(paths, _CHUNK))):
        ids = {path: batch_id_of(path) for path in chunk}
        with catalog.read() as tx:
            known = batches.exists_many(tx, set(ids.values()))
        found += [path for path in chunk if ids[path] not in known]
    return sorted(found[:MOST])
