"""The archive's objects from one store into another, and whether they are the same there."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import msgspec

from everlake.landing.paths import ORPHANS, ROOT, is_complete
from everlake.storage import ObjectMissing, ObjectStore, StorageError

_GROUP_BYTES = 32 * 1024 * 1024
_GROUP_COUNT = 100

ProgressCallback = Callable[[int], None]
"""Is told how many objects have been seen to."""


class UnexpectedObjects(StorageError):
    """The target has objects that the source has not."""


class ObjectsDiffer(StorageError):
    """What was copied is not what the source has."""


class ObjectTotals(msgspec.Struct, frozen=True):
    """How many objects there are, and their bytes."""

    objects: int
    bytes: int


def list_archive_objects(store: ObjectStore) -> dict[str, int]:
    """The whole objects of the archive, and of what the sweep moved out of it, with their sizes."""
    found = chain(store.list(ROOT), store.list(ORPHANS))
    return {each.path: each.size for each in found if is_complete(each.path)}


def check_target_objects(source: dict[str, int], target: dict[str, int]) -> None:
    """Return when all objects of ``target`` are ones of ``source`` too.

    Raises:
        OtherObjects: they are not.
    """
    other = next((path for path in target if path not in source), None)
    if other is not None:
        raise UnexpectedObjects(
            f"the target storage holds {other}, which the source does not have: take an empty "
            "place, or the one that an earlier copy of this source has begun"
        )


def copy_archive(
    source: ObjectStore,
    target: ObjectStore,
    wanted: dict[str, int],
    present: dict[str, int],
    progress: ProgressCallback,
) -> None:
    """Copy the ``wanted`` objects that are not ``present`` yet, or not in that size.

    Raises:
        StorageError: one cannot be read or written.
    """
    missing = sorted(path for path, size in wanted.items() if present.get(path) != size)
    done = len(wanted) - len(missing)
    progress(done)
    for group in _groups(source, missing):
        target.put_many(group)
        done += len(group)
        progress(done)


def verify_archive(
    source: ObjectStore, target: ObjectStore, wanted: dict[str, int], progress: ProgressCallback
) -> ObjectTotals:
    """Read every object on both sides; how much that was.

    Raises:
        ObjectsDiffer: one is missing, or differs in its size or its bytes.
        StorageError: one cannot be read.
    """
    total = 0
    paths = sorted(wanted)
    # Read ahead on both sides: one by one, a bucket takes hours over what is read in minutes.
    there = target.get_many(paths)
    for done, (path, ours) in enumerate(zip(paths, source.get_many(paths), strict=True), start=1):
        try:
            theirs = next(there)
        except ObjectMissing as error:
            raise ObjectsDiffer(f"{path} is missing in the target: call again") from error
        if len(ours) != len(theirs) or _digest(ours) != _digest(theirs):
            raise ObjectsDiffer(
                f"{path} is not the same in the target: delete it there, then call again"
            )
        total += len(ours)
        progress(done)
    return ObjectTotals(len(wanted), total)


def _groups(store: ObjectStore, paths: Sequence[str]) -> Iterator[list[tuple[str, bytes]]]:
    group: list[tuple[str, bytes]] = []
    size = 0
    for path, data in zip(paths, store.get_many(paths), strict=True):
        group.append((path, data))
        size += len(data)
        if size >= _GROUP_BYTES or len(group) >= _GROUP_COUNT:
            yield group
            group, size = [], 0
    if group:
        yield group


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data).digest()
