"""Copy of the landing archive: objects that fit into memory, many at a time."""

from itertools import chain

from everlake.batching import group_by_size
from everlake.integrity.copy.errors import ObjectsDiffer, UnexpectedObjects
from everlake.integrity.copy.types import (
    ObjectSizes,
    ObjectTotals,
    ProgressCallback,
    missing_paths,
)
from everlake.landing.paths import ORPHANS, ROOT, is_complete
from everlake.storage import ObjectMissing, ObjectStore

_GROUP_BYTES = 32 * 1024 * 1024
_GROUP_COUNT = 100


def list_archive_objects(store: ObjectStore) -> dict[str, int]:
    """Return path and size of all complete objects of the archive, and of its orphans."""
    found = chain(store.list(ROOT), store.list(ORPHANS))
    return {each.path: each.size for each in found if is_complete(each.path)}


def check_target_objects(source: ObjectSizes, target: ObjectSizes) -> None:
    """Check that the target holds nothing but objects of the source.

    Raises:
        UnexpectedObjects: it holds another object.
    """
    unexpected = next((path for path in target if path not in source), None)
    if unexpected is not None:
        raise UnexpectedObjects(
            f"the target storage holds {unexpected}, which the source does not have: choose an "
            "empty storage, or one that holds an earlier copy of this source"
        )


def copy_archive(
    source: ObjectStore,
    target: ObjectStore,
    wanted: ObjectSizes,
    present: ObjectSizes,
    progress: ProgressCallback,
) -> None:
    """Copy the wanted objects that the target does not have in the same size.

    Args:
        source: has the objects.
        target: takes them.
        wanted: the objects to copy.
        present: the objects that the target has.
        progress: is called after each group of objects.

    Raises:
        StorageError: an object cannot be read or written.
    """
    missing = missing_paths(wanted, present)
    done = len(wanted) - len(missing)
    progress(done)
    objects = zip(missing, source.get_many(missing), strict=True)
    for group in group_by_size(
        objects,
        lambda each: len(each[1]),
        max_size=_GROUP_BYTES,
        max_items=_GROUP_COUNT,
        overshoot=True,
    ):
        target.put_many(group)
        done += len(group)
        progress(done)


def verify_archive(
    source: ObjectStore, target: ObjectStore, wanted: ObjectSizes, progress: ProgressCallback
) -> ObjectTotals:
    """Read objects on both sides and compare them.

    Returns:
        number and size of the objects.

    Raises:
        ObjectsDiffer: one is missing in the target, or has other content there.
        StorageError: one cannot be read.
    """
    total = 0
    paths = sorted(wanted)
    # Both sides are read ahead: one object at a time, a bucket would take hours for minutes' work.
    copies = target.get_many(paths)
    for done, (path, ours) in enumerate(zip(paths, source.get_many(paths), strict=True), start=1):
        try:
            theirs = next(copies)
        except ObjectMissing as error:
            raise ObjectsDiffer(f"{path} is missing in the target: run this again") from error
        if ours != theirs:
            raise ObjectsDiffer(
                f"{path} is not the same in the target: delete it there, then run this again"
            )
        total += len(ours)
        progress(done)
    return ObjectTotals(len(wanted), total)
