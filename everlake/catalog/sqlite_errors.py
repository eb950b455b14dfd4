"""SQLite errors as catalog errors, by result code (https://sqlite.org/rescode.html)."""

import sqlite3

from sqlalchemy.exc import DBAPIError

from everlake.catalog.errors import CatalogUnavailable

BUSY_MESSAGE = (
    "The database is busy: its write lock was not free in time. Try again; if it lasts, look for "
    "a program that keeps the database file open."
)
CANNOT_OPEN_MESSAGE = (
    "The database file cannot be opened. Check that its directory exists, and that the user that "
    "runs Everlake may read and write there."
)
_DAMAGED_MESSAGE = (
    "The database file is damaged or is not a database. Stop Everlake, keep a copy of the file, "
    "and put a backup in its place."
)
_READ_ONLY_MESSAGE = (
    "The database cannot be written to. Check that its file and its directory belong to the user "
    "that runs Everlake, and that the disk is not mounted read-only."
)
_BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_MESSAGES = {
    **dict.fromkeys(_BUSY_CODES, BUSY_MESSAGE),
    sqlite3.SQLITE_FULL: "The disk that holds the database is full. Free some space, then retry.",
    sqlite3.SQLITE_IOERR: (
        "The disk that holds the database reports an input or output error. See the system's log "
        "and the state of the disk, then retry."
    ),
    sqlite3.SQLITE_CANTOPEN: CANNOT_OPEN_MESSAGE,
    sqlite3.SQLITE_PERM: _READ_ONLY_MESSAGE,
    sqlite3.SQLITE_READONLY: _READ_ONLY_MESSAGE,
    sqlite3.SQLITE_CORRUPT: _DAMAGED_MESSAGE,
    sqlite3.SQLITE_NOTADB: _DAMAGED_MESSAGE,
}


def classify(error: Exception) -> CatalogUnavailable | None:
    """Return the catalog error for a driver's or SQLAlchemy's error; None for other errors."""
    message = _MESSAGES.get(_primary_code(error))
    return None if message is None else CatalogUnavailable(message)


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether another connection holds a lock that the statement needs."""
    return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _primary_code(error: Exception) -> int:
    """Return SQLite's primary result code: the lowest eight bits of the extended one."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
