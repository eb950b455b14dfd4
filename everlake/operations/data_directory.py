"""Data directory: whether it can be used, before anything is created in it."""

import tempfile
from pathlib import Path

from everlake.operations.errors import OperationError


class DataDirectoryUnusable(OperationError):
    """The data directory cannot be written or created; the message says what to do."""


def check_data_directory(directory: Path) -> None:
    """Check that a directory can be written, or created if it does not exist yet.

    It writes an unnamed file, and leaves nothing behind.

    Raises:
        DataDirectoryUnusable
    """
    try:
        existing = nearest_existing(directory)
        if not existing.is_dir():
            raise DataDirectoryUnusable(
                f"{existing} is a file, and should be a directory: move it, or choose another data "
                "directory (--data or EVERLAKE_DATA)"
            )
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise DataDirectoryUnusable(
            f"the data directory {directory} cannot be written ({error.strerror}): run Everlake as "
            "its owner, change its permissions, or choose another one (--data or EVERLAKE_DATA)"
        ) from error


def nearest_existing(path: Path) -> Path:
    """Return the path itself, or its nearest parent that exists.

    Raises:
        OSError: a parent may not be searched.
    """
    return next(one for one in (path, *path.parents) if one.exists())
