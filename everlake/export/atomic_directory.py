"""A directory that is there whole or not at all: filled beside its place, synced, moved there."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from everlake.export.errors import ExportError
from everlake.tables.durability import SyncedTree, fsync_path
from everlake.tables.local_table_set import file_identity, lock_descriptor


@contextmanager
def atomic_directory(target: Path) -> Generator[Path]:
    """A directory to fill, which becomes ``target`` when the block ends well and is gone when not.

    What a process that was killed has left is cleared away by the next one with the same place.

    Raises:
        ExportError: something is there, another one is at it, or the disk does not take it.
    """
    place = target.resolve()
    _check_target(place)
    beside = place.with_name(f".{place.name}.partial-export")
    try:
        with _locked_staging(beside):
            try:
                yield beside
                SyncedTree(beside, beside.parent).sync()
                beside.rename(place)
            except BaseException:
                shutil.rmtree(beside, ignore_errors=True)
                raise
            fsync_path(place.parent)
    except OSError as error:
        raise ExportError(
            f"{target} cannot be written: {error}. Check the disk's space and the permissions."
        ) from error


def _check_target(place: Path) -> None:
    with suppress(FileNotFoundError):
        if not place.is_dir():
            if place.exists():
                raise ExportError(f"{place} is a file. Name a new directory.")
            return
        if any(place.iterdir()):
            raise ExportError(f"{place} is not empty. Name a new directory, or empty this one.")
        if place.is_mount():
            raise ExportError(f"{place} is a mount point. Name a directory below it.")


@contextmanager
def _locked_staging(beside: Path) -> Generator[None]:
    beside.parent.mkdir(parents=True, exist_ok=True)
    beside.mkdir(exist_ok=True)
    descriptor = os.open(beside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not _try_lock(descriptor, beside):
            raise ExportError(f"Another export to the same place is under way, in {beside}.")
        clear_directory(beside)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, beside: Path) -> bool:
    try:
        lock_descriptor(descriptor, 0)
    except BlockingIOError:
        return False
    facts = os.fstat(descriptor)  # the other one may just have moved it to its place
    return file_identity(beside) == (facts.st_dev, facts.st_ino)


def clear_directory(directory: Path) -> None:
    """Remove all that is in a directory.

    Raises:
        OSError: something could not be removed.
    """
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
