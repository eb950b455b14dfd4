"""Several workspaces, one after another: the next call does not do again what one has done."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from everlake.clock import now_ms
from everlake.integrity.rebuild.checkpoint import FORMAT_VERSION, MAX_AGE_MS
from everlake.integrity.rebuild.context import RebuildResult, StepProgressCallback
from everlake.storage import ObjectMissing
from everlake.storage.local import LocalStore

_CHECKPOINT_FILE = "_done.json"


class _CompletedWorkspaces(msgspec.Struct):
    workspaces: dict[str, RebuildResult] = {}
    made_by: str = FORMAT_VERSION
    started_at: int = msgspec.field(default_factory=now_ms)


def rebuild_each(
    ids: Sequence[str],
    rebuild: Callable[[str], RebuildResult],
    folder: Path,
    report_progress: StepProgressCallback,
) -> list[RebuildResult]:
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
    done = _load_completed(store)
    for workspace_id in ids:
        if workspace_id in done.workspaces:
            report_progress(
                f"workspace {workspace_id} was done before the command was stopped", 0, None
            )
        else:
            done.workspaces[workspace_id] = rebuild(workspace_id)
            if workspace_id != ids[-1]:
                store.put_many([(_CHECKPOINT_FILE, msgspec.json.encode(done))])
    store.delete(_CHECKPOINT_FILE)
    return [done.workspaces[workspace_id] for workspace_id in ids]


def _load_completed(store: LocalStore) -> _CompletedWorkspaces:
    try:
        done = msgspec.json.decode(store.get(_CHECKPOINT_FILE), type=_CompletedWorkspaces)
    except (ObjectMissing, msgspec.DecodeError):
        return _CompletedWorkspaces()
    fresh = done.made_by == FORMAT_VERSION and now_ms() - done.started_at <= MAX_AGE_MS
    return done if fresh else _CompletedWorkspaces()
