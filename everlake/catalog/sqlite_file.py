"""The file of a SQLite database: its creation, and whether it is still at its path.

A process that has the file open goes on writing to it when somebody deletes or replaces it, and
what it writes is lost when the process ends.
"""

import os
import threading
from pathlib import Path

from sqlalchemy import URL

from everlake.catalog.errors import CatalogUnavailable
from everlake.catalog.sqlite_errors import CANNOT_OPEN_MESSAGE
from everlake.files import create_file, file_identity, make_directory

_REPLACED_MESSAGE = (
    "The database file was deleted or replaced while Everlake was running, so nothing is "
    "accepted. Stop Everlake, put the file back or restore it from a backup, and start Everlake "
    "again."
)
_OWNER_ONLY = 0o600

# Closing a file releases the locks that other connections of the process hold on it
# (fcntl_locking(2)), so no connection may be opened while the new file is.
_creation_lock = threading.Lock()


class SqliteFile:
    """A database file, which is created for its owner alone when it is missing.

    SQLite gives its ``-wal`` and ``-shm`` files the same mode.

    Args:
        path: of the file; its directory is created as well.

    Raises:
        CatalogUnavailable: the file cannot be created or found.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            make_directory(path.parent)
            with _creation_lock:
                if not path.exists():
                    _create(path)
            self._identity = file_identity(path)
        except OSError as error:
            raise CatalogUnavailable(CANNOT_OPEN_MESSAGE) from error

    @property
    def url(self) -> URL:
        """URL for SQLAlchemy. A connection that finds no file fails, and creates none."""
        query = {"mode": "rw", "uri": "true"}
        return URL.create("sqlite+pysqlite", database=self._path.as_uri(), query=query)

    def check_in_place(self) -> None:
        """Check that the path still names the file that was there when this was made.

        Raises:
            CatalogUnavailable: it names another file, or none.
        """
        try:
            identity = file_identity(self._path)
        except OSError as error:
            raise CatalogUnavailable(CANNOT_OPEN_MESSAGE) from error
        if identity is None or identity != self._identity:
            raise CatalogUnavailable(_REPLACED_MESSAGE)


def _create(path: Path) -> None:
    try:
        os.close(create_file(path, _OWNER_ONLY))
    except FileExistsError:  # another process was faster
        return
