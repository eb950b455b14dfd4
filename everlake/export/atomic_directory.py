"""Atomic directory: filled beside its target, synced, and then renamed to it."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from everlake.export.errors import ExportError
from everlake.files import is_at_path, sync_path, try_lock
from everlake.tables.durability import SyncedTree


@contextmanager
def atomic_directory(target: Path) -> Generator[Path]:
    """Yield a directory to fill, which becomes ``target`` at the end of the block.

    If the block raises, nothing is left. What a killed process left is removed by the next one
    with the same target.

    Raises:
        ExportError: the target exists and is not an empty directory, another process fills it, or
            the disk refuses a write.
    """
    place = target.resolve()
    _check_target(place)
    staging = place.with_name(f".{place.name}.partial-export")
    try:
        with _locked_staging(staging):
            try:
                yield staging
                SyncedTree(staging, staging.parent).sync()
                staging.rename(place)
            except BaseException:
                shutil.rmtree(staging, ignore_errors=True)
                raise
            sync_path(place.parent)
    except OSError as error:
        raise ExportError(
            f"{target} cannot be written: {error}. Check the disk's space and the permissions."
        ) from error


def clear_directory(directory: Path) -> None:
    """Remove everything in a directory.

    Raises:
        OSError: something cannot be removed.
    """
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


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
def _locked_staging(staging: Path) -> Generator[None]:
    staging.parent.mkdir(parents=True, exist_ok=True)
    staging.mkdir(exist_ok=True)
    descriptor = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # The other process may just have renamed the directory to its target.
        if not (try_lock(descriptor) and is_at_path(descriptor, staging)):
            raise ExportError(f"Another export to the same directory is running, in {staging}.")
        clear_directory(staging)
        yield
    finally:
        os.close(descriptor)
