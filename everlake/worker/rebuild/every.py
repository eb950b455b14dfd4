"""Several workspaces, one after another: the next call does not do again what one has done."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from everlake.catalog.engine import local_now_ms
from everlake.storage import ObjectMissing
from everlake.storage.local import LocalStore
from everlake.worker.rebuild.job import Rebuilt, Watch
from everlake.worker.rebuild.notes import FRESH_MS, MADE_BY

_FILE = "_done.json"


class _Done(msgspec.Struct):
    workspaces: dict[str, Rebuilt] = {}
    made_by: str = MADE_BY
    started_at: int = msgspec.field(default_factory=local_now_ms)


def each(
    ids: Sequence[str], rebuild: Callable[[str], Rebuilt], folder: Path, watch: Watch
) -> list[Rebuilt]:
    """What becomes of each workspace, those included that an earlier call was done with.

    One workspace alone is always made again.

    Args:
        rebuild: makes one.
        folder: where to note which are done.

    Raises:
        StorageUnavailable: the notes cannot be written.
    """
    if len(ids) == 1:
        return [rebuild(ids[0])]
    store = LocalStore(folder)
    done = _load(store)
    for workspace_id in ids:
        if workspace_id in done.workspaces:
            watch(f"workspace {workspace_id} was done before the command was stopped", 0, None)
        else:
            done.workspaces[workspace_id] = rebuild(workspace_id)
            if workspace_id != ids[-1]:
                store.put_many([(_FILE, msgspec.json.encode(done))])
    store.delete(_FILE)
    return [done.workspaces[workspace_id] for workspace_id in ids]


def _load(store: LocalStore) -> _Done:
    try:
        done = msgspec.json.decode(store.get(_FILE), type=_Done)
    except (ObjectMissing, msgspec.DecodeError):
        return _Done()
    fresh = done.made_by == MADE_BY and local_now_ms() - done.started_at <= FRESH_MS
    return done if fresh else _Done()
