"""Table set in a directory, and replacing it by two renames.

The next set is filled in a directory beside the current one. Two renames put it in place. A
process that comes between them, or after a crash between them, finds no directory: it waits for the
lock and finishes the swap (:meth:`LocalTableSet.recover`).
"""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from everlake import clock, files
from everlake.tables.backend import TableSet

STAGING_FOLDER = "rebuild"
"""Folder of the staged sets, beside the workspaces' directories."""

LOCK_TIMEOUT_SECONDS = 5.0

_REPLACED_FOLDER = "replaced"
_CHECKPOINT_FILE = "_rebuild.json"
_COMPLETE_MARKER = "_whole"
_KEEP_MARKER = "_keep"


class LocalTableSet(TableSet):
    """Table set of a workspace in a directory.

    Args:
        directory: the directory of the current set.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._staged = directory.parent / STAGING_FOLDER / directory.name
        self._replaced = self._staged.with_name(directory.name + ".old")
        self._trash = self._staged.with_name(directory.name + ".trash")

    @property
    def uri(self) -> str:
        """See :attr:`everlake.tables.backend.TableSet.uri`."""
        return str(self.directory)

    @property
    def staged_uri(self) -> str:
        """See :attr:`everlake.tables.backend.TableSet.staged_uri`."""
        return str(self._staged)

    def acquire_staging(self) -> None:
        """Finish a swap that was cut off. The command that makes the next set has its own lock."""
        self.recover()

    def release_staging(self) -> None:
        """Do nothing: the lock of the command ends with its process."""

    def ensure_directory(self) -> None:
        """Create the directory where there is none and no swap is about to put one there.

        Raises:
            OSError: it cannot be created.
        """
        if self.directory.is_dir():
            return
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        with self._swap_lock():
            self._finish_swap()
            self.directory.mkdir(exist_ok=True)
            _sync(self.directory.parent)
            _sync(self.directory.parent.parent)

    def recover(self) -> None:
        """Finish a swap that was cut off between its renames; wait for one under way.

        Raises:
            OSError
        """
        if not self.directory.exists() and self._replaced.exists():
            with self._swap_lock():
                self._finish_swap()

    def create_staged(self) -> None:
        """See :meth:`everlake.tables.backend.TableSet.create_staged`."""
        LocalTableSet(self._staged).ensure_directory()

    def drop_staged(self) -> None:
        """See :meth:`everlake.tables.backend.TableSet.drop_staged`."""
        if self._staged.exists():
            shutil.rmtree(self._staged)
        with suppress(OSError):
            self._staged.parent.rmdir()

    def free_bytes(self) -> int:
        """See :meth:`everlake.tables.backend.TableSet.free_bytes`."""
        return shutil.disk_usage(self._staged).free

    def save_checkpoint(self, checkpoint: bytes) -> None:
        """See :meth:`everlake.tables.backend.TableSet.save_checkpoint`."""
        file = self._staged / _CHECKPOINT_FILE
        files.replace_atomically(file, checkpoint, partial=_partial_checkpoint(self._staged))

    def checkpoint(self) -> bytes | None:
        """See :meth:`everlake.tables.backend.TableSet.checkpoint`."""
        return _read_checkpoint(self._staged)

    def swapped_checkpoint(self) -> bytes | None:
        """See :meth:`everlake.tables.backend.TableSet.swapped_checkpoint`."""
        return _read_checkpoint(self.directory) if self._is_swapped() else None

    def backup_uri(self) -> str:
        """See :meth:`everlake.tables.backend.TableSet.backup_uri`."""
        name = f"{self.directory.name}-{clock.utc_now():%Y%m%dT%H%M%SZ}"
        return str(self.directory.parent / _REPLACED_FOLDER / name)

    def swap(self, keep_as: str | None = None) -> None:
        """See :meth:`everlake.tables.backend.TableSet.swap`."""
        self.remove_replaced()
        with self._swap_lock():
            _write_marker(self._staged / _COMPLETE_MARKER)
            if keep_as is not None:
                _write_marker(self.directory / _KEEP_MARKER, Path(keep_as).name)
            self.directory.rename(self._replaced)
            self._staged.rename(self.directory)
            _sync(self.directory.parent)
            _sync(self._staged.parent)

    def remove_replaced(self) -> None:
        """See :meth:`everlake.tables.backend.TableSet.remove_replaced`."""
        shutil.rmtree(self._trash, ignore_errors=True)
        if not self._replaced.exists() and not self._is_swapped():
            return
        with self._swap_lock():
            self._finish_swap()
            _partial_checkpoint(self.directory).unlink(missing_ok=True)
            for name in (_CHECKPOINT_FILE, _COMPLETE_MARKER):
                (self.directory / name).unlink(missing_ok=True)
            if self._replaced.exists():
                to = self._backup_directory() or self._trash
                to.parent.mkdir(exist_ok=True)
                self._replaced.rename(to)
                _sync(to.parent)
        shutil.rmtree(self._trash, ignore_errors=True)

    def _is_swapped(self) -> bool:
        return (self.directory / _COMPLETE_MARKER).exists()

    def _finish_swap(self) -> None:
        if self.directory.exists() or not self._replaced.exists():
            return
        complete = (self._staged / _COMPLETE_MARKER).exists()
        (self._staged if complete else self._replaced).rename(self.directory)
        _sync(self.directory.parent)
        _sync(self._staged.parent)

    def _backup_directory(self) -> Path | None:
        with suppress(FileNotFoundError):
            name = (self._replaced / _KEEP_MARKER).read_text()
            return self.directory.parent / _REPLACED_FOLDER / name
        return None

    @contextmanager
    def _swap_lock(self) -> Generator[None]:
        descriptor = os.open(self.directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            files.lock(descriptor, timeout=LOCK_TIMEOUT_SECONDS)
            yield
        finally:
            os.close(descriptor)


def _partial_checkpoint(directory: Path) -> Path:
    return directory / (_CHECKPOINT_FILE + files.PARTIAL_SUFFIX)


def _read_checkpoint(directory: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return (directory / _CHECKPOINT_FILE).read_bytes()
    return None


def _write_marker(path: Path, text: str = "") -> None:
    path.write_text(text)
    _sync(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    files.sync_path(path, missing_ok=True)
