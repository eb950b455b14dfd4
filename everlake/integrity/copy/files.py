"""Attachments and uploads from one store into another: like the archive, but of any size."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from everlake.integrity.copy.archive import ObjectsDiffer, ObjectTotals, ProgressCallback
from everlake.storage import ObjectMissing, ObjectStore

FOLDERS = ("attachments", "uploads")
"""What else than the archive is kept in storage and cannot be made again."""

_GROUP_BYTES = 32 * 1024 * 1024
_GROUP_COUNT = 100
_PARTIAL = ".partial"


def list_files(store: ObjectStore) -> dict[str, int]:
    """All whole objects of :data:`FOLDERS`, with their sizes."""
    return {
        each.path: each.size
        for folder in FOLDERS
        for each in store.list(folder)
        if not each.path.endswith(_PARTIAL)
    }


def copy_files(
    source: ObjectStore,
    target: ObjectStore,
    wanted: dict[str, int],
    present: dict[str, int],
    progress: ProgressCallback,
    *,
    directory: Path,
) -> None:
    """Copy the ``wanted`` files that are not ``present`` yet, with constant memory.

    Args:
        source: where they are read.
        target: where they go.
        wanted: paths and sizes.
        present: the same of what the target has.
        progress: is told how many have been seen to.
        directory: with room for the largest of them, for a while.

    Raises:
        StorageError: one cannot be read or written, or is there in another size.
        OSError: ``directory`` cannot be written.
    """
    missing = sorted(path for path, size in wanted.items() if present.get(path) != size)
    done = len(wanted) - len(missing)
    progress(done)
    with TemporaryDirectory(prefix="copying-", dir=directory) as scratch:
        for group in _groups(missing, wanted):
            files = [(path, Path(scratch) / str(number)) for number, path in enumerate(group)]
            for path, file in files:
                with file.open("wb") as made:
                    for piece in source.read(path):
                        made.write(piece)
            target.put_files(files)
            for _, file in files:
                file.unlink(missing_ok=True)
            done += len(group)
            progress(done)


def verify_files(
    source: ObjectStore, target: ObjectStore, wanted: dict[str, int], progress: ProgressCallback
) -> ObjectTotals:
    """Read every file on both sides; how much that was.

    Raises:
        ObjectsDiffer: one is missing, or differs in its bytes.
        StorageError: one cannot be read.
    """
    for done, path in enumerate(sorted(wanted), start=1):
        ours = _digest(source, path)
        try:
            theirs = _digest(target, path)
        except ObjectMissing as error:
            raise ObjectsDiffer(f"{path} is missing in the target: call again") from error
        if ours != theirs:
            raise ObjectsDiffer(
                f"{path} is not the same in the target: delete it there, then call again"
            )
        progress(done)
    return ObjectTotals(len(wanted), sum(wanted.values()))


def _groups(paths: Sequence[str], sizes: dict[str, int]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for path in paths:
        group.append(path)
        size += sizes[path]
        if size >= _GROUP_BYTES or len(group) >= _GROUP_COUNT:
            yield group
            group, size = [], 0
    if group:
        yield group


def _digest(store: ObjectStore, path: str) -> bytes:
    digest = hashlib.blake2b()
    for piece in store.read(path):
        digest.update(piece)
    return digest.digest()
