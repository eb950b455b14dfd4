"""Rebuild of several workspaces: a call after a stop skips those that are done."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from everlake.integrity.rebuild.checkpoint import format_version, is_resumable
from everlake.integrity.rebuild.types import RebuildResult
from everlake.integrity.types import StepProgressCallback
from everlake.storage import ObjectMissing
from everlake.storage.local import LocalStore
from everlake.tables.registry import Registry

_CHECKPOINT_FILE = "_done.json"


class _CompletedWorkspaces(msgspec.Struct):
    made_by: str
    started_at: int
    workspaces: dict[str, RebuildResult] = {}


def rebuild_each(
    ids: Sequence[str],
    rebuild: Callable[[str], RebuildResult],
    *,
    registry: Registry,
    now: int,
    directory: Path,
    report_progress: StepProgressCallback,
) -> list[RebuildResult]:
    """Rebuild workspaces one after another; return their results, in the order of ``ids``.

    When an earlier call for several workspaces was stopped, those that it completed are not
    rebuilt again, and have their results of then. A single workspace is always rebuilt.

    Args:
        ids: the workspaces.
        rebuild: rebuilds one of them.
        registry: the tables of this program.
        now: Unix milliseconds of the catalog's clock.
        directory: where to save which workspaces are done.
        report_progress: is called for each workspace that is skipped.

    Raises:
        StorageUnavailable: that cannot be saved.
    """
    if len(ids) == 1:
        return [rebuild(ids[0])]
    store = LocalStore(directory)
    completed = _load(store, registry, now)
    for workspace_id in ids:
        if workspace_id in completed.workspaces:
            report_progress(f"workspace {workspace_id} was rebuilt before the stop", 0, None)
        else:
            completed.workspaces[workspace_id] = rebuild(workspace_id)
            if workspace_id != ids[-1]:
                store.put_many([(_CHECKPOINT_FILE, msgspec.json.encode(completed))])
    store.delete(_CHECKPOINT_FILE)
    return [completed.workspaces[workspace_id] for workspace_id in ids]


def _load(store: LocalStore, registry: Registry, now: int) -> _CompletedWorkspaces:
    none = _CompletedWorkspaces(made_by=format_version(registry), started_at=now)
    try:
        saved = msgspec.json.decode(store.get(_CHECKPOINT_FILE), type=_CompletedWorkspaces)
    except (ObjectMissing, msgspec.DecodeError):
        return none
    return saved if is_resumable(saved.made_by, saved.started_at, registry, now) else none
