"""Copy of attachments and uploads: objects of any size, one at a time, by way of the disk."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from everlake.batching import group_by_size
from everlake.files import PARTIAL_SUFFIX
from everlake.integrity.copy.errors import ObjectsDiffer
from everlake.integrity.copy.types import (
    ObjectSizes,
    ObjectTotals,
    ProgressCallback,
    missing_paths,
)
from everlake.storage import ObjectMissing, ObjectStore

FOLDERS = ("attachments", "uploads")
"""Folders of the storage, besides the archive, whose content cannot be derived from anything."""

_GROUP_BYTES = 32 * 1024 * 1024
_GROUP_COUNT = 100


def list_files(store: ObjectStore) -> dict[str, int]:
    """Return path and size of all complete objects of :data:`FOLDERS`."""
    return {
        each.path: each.size
        for folder in FOLDERS
        for each in store.list(folder)
        if not each.path.endswith(PARTIAL_SUFFIX)
    }


def copy_files(
    source: ObjectStore,
    target: ObjectStore,
    wanted: ObjectSizes,
    present: ObjectSizes,
    progress: ProgressCallback,
    *,
    directory: Path,
) -> None:
    """Copy the wanted files that the target does not have in the same size, in constant memory.

    Args:
        source: has the files.
        target: takes them.
        wanted: the files to copy.
        present: the files that the target has.
        progress: is called after each group of files.
        directory: for temporary files, with space for the largest of the wanted ones.

    Raises:
        StorageError: a file cannot be read or written, or the target has it in another size.
        OSError: ``directory`` cannot be written.
    """
    missing = missing_paths(wanted, present)
    done = len(wanted) - len(missing)
    progress(done)
    with TemporaryDirectory(prefix="copying-", dir=directory) as temporary:
        for group in group_by_size(
            missing,
            wanted.__getitem__,
            max_size=_GROUP_BYTES,
            max_items=_GROUP_COUNT,
            overshoot=True,
        ):
            files = [(path, Path(temporary) / str(number)) for number, path in enumerate(group)]
            for path, file in files:
                with file.open("wb") as opened:
                    for chunk in source.read(path):
                        opened.write(chunk)
            target.put_files(files)
            for _, file in files:
                file.unlink(missing_ok=True)
            done += len(group)
            progress(done)


def verify_files(
    source: ObjectStore, target: ObjectStore, wanted: ObjectSizes, progress: ProgressCallback
) -> ObjectTotals:
    """Read files on both sides and compare them.

    Returns:
        number and size of the files.

    Raises:
        ObjectsDiffer: one is missing in the target, or has other content there.
        StorageError: one cannot be read.
    """
    for done, path in enumerate(sorted(wanted), start=1):
        ours = _digest(source, path)
        try:
            theirs = _digest(target, path)
        except ObjectMissing as error:
            raise ObjectsDiffer(f"{path} is missing in the target: run this again") from error
        if ours != theirs:
            raise ObjectsDiffer(
                f"{path} is not the same in the target: delete it there, then run this again"
            )
        progress(done)
    return ObjectTotals(len(wanted), sum(wanted.values()))


def _digest(store: ObjectStore, path: str) -> bytes:
    digest = hashlib.blake2b()
    for chunk in store.read(path):
        digest.update(chunk)
    return digest.digest()
