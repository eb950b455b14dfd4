"""The catalog in a file: SQLite in write-ahead mode, for one machine.

One connection writes and many read, so a writer never waits for a reader; the writers of one
process queue on a lock, those of several on SQLite's busy handler.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from everlake.catalog.database import Catalog, local_now_ms
from everlake.catalog.error_mapping import map_errors
from everlake.catalog.errors import CatalogError, CatalogUnavailable
from everlake.contract.ids import new_batch_id

_MAX_READERS = 32
_WRITER_PRAGMAS = (
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-16384",
    "PRAGMA journal_size_limit=67108864",
)
_READER_PRAGMAS = ("PRAGMA query_only=ON",)

_BUSY = (
    "The database is busy: its write lock was not free in time. Try again; if it lasts, look for "
    "a program that keeps the database file open."
)
_CORRUPT = (
    "The database file is damaged or is not a database. Stop Everlake, keep a copy of the file, "
    "and put a backup in its place."
)
_READ_ONLY = (
    "The database cannot be written to. See that its file and its folder belong to the user that "
    "runs Everlake, and that the disk is not mounted read-only."
)
_MESSAGES = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_FULL: "The disk that holds the database is full. Free some space, then retry.",
    sqlite3.SQLITE_IOERR: (
        "The disk that holds the database reports an input or output error. See the system's log "
        "and the state of the disk, then retry."
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "The database file cannot be opened. See that its folder exists, and that the user that "
        "runs Everlake may read and write there."
    ),
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_NOMEM: "There is no memory left for the database. Free some, then retry.",
    sqlite3.SQLITE_CORRUPT: _CORRUPT,
    sqlite3.SQLITE_NOTADB: _CORRUPT,
}


class SqliteCatalog(Catalog):
    """An SQLite file. Only processes of one machine may share it.

    Args:
        url: ``sqlite:///`` and a path; an absolute path starts with a slash of its own.
        timeout: seconds to wait for the write lock.

    Raises:
        CatalogError: the URL does not name a SQLite file.
        CatalogUnavailable: the file cannot be opened, or not in write-ahead mode.
    """

    is_shared = False

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__()
        path = _path_from_url(url)
        try:
            _make_directory(path.parent)
        except OSError as error:
            raise CatalogUnavailable(_MESSAGES[sqlite3.SQLITE_CANTOPEN]) from error
        self._busy_timeout = timeout
        place = URL.create("sqlite+pysqlite", database=str(path))
        self._writer = _create_engine(
            place, timeout, _WRITER_PRAGMAS, "BEGIN IMMEDIATE", pool_size=1
        )
        self._reader = _create_engine(
            place, timeout, _READER_PRAGMAS, "BEGIN", pool_size=_MAX_READERS
        )
        self._write_lock = threading.Lock()
        self._version_lock = threading.Lock()
        self._version_connection: PoolProxiedConnection | None = None
        try:
            self._enable_write_ahead_log()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def snapshot(self) -> Generator[Connection]:
        with map_errors(sqlite3.Error, classify), self._reader.begin() as tx:
            yield tx

    def autocommit(self) -> AbstractContextManager[Connection]:
        return self.snapshot()

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        if not self._write_lock.acquire(timeout=self._busy_timeout):
            raise CatalogUnavailable(_BUSY)
        try:
            with map_errors(sqlite3.Error, classify), self._writer.begin() as tx:
                yield tx
        finally:
            self._write_lock.release()

    def change_counter(self) -> int:
        with self._version_lock, map_errors(sqlite3.Error, classify):
            if self._version_connection is None:
                self._version_connection = self._reader.raw_connection()
                self._version_connection.detach()
            return _pragma_value(self._version_connection, "PRAGMA data_version")

    def now_ms(self) -> int:
        return local_now_ms()

    def new_batch_id(self) -> str:
        return new_batch_id()

    def close(self) -> None:
        with self._version_lock:
            if self._version_connection is not None:
                self._version_connection.close()
                self._version_connection = None
        self._reader.dispose()
        self._writer.dispose()

    def _enable_write_ahead_log(self) -> None:
        deadline = time.monotonic() + self._busy_timeout
        while True:
            with map_errors(sqlite3.Error, classify):
                connection = self._writer.raw_connection()
                try:
                    mode = _pragma_value(connection, "PRAGMA journal_mode=WAL")
                    break
                except sqlite3.OperationalError as error:
                    # Two processes that open a new file at once refuse each other, and SQLite
                    # does not wait here as it does elsewhere.
                    if _is_busy(error) and time.monotonic() < deadline:
                        time.sleep(0.01)
                        continue
                    raise
                finally:
                    connection.close()
        if mode != "wal":
            raise CatalogUnavailable(
                "The database's disk does not support write-ahead logging, as network disks do "
                "not. Put the data directory on a local disk."
            )


def _create_engine(
    url: URL, busy_timeout: float, pragmas: tuple[str, ...], begin: str, pool_size: int
) -> Engine:
    engine = create_engine(
        url,
        # No isolation level: the driver starts no transaction by itself, the hook below does.
        connect_args={"timeout": busy_timeout, "isolation_level": None},
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=busy_timeout,
        pool_use_lifo=True,
        hide_parameters=True,
    )

    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)
    return engine


def _path_from_url(url: str) -> Path:
    parsed = make_url(url)
    database = parsed.database
    if not database or database == ":memory:" or parsed.query:
        raise CatalogError(
            "The database URL must name a file and nothing else: sqlite:/// and a path."
        )
    return Path(database).absolute()


def _make_directory(folder: Path) -> None:
    """Make ``folder`` and its parents so that they survive the loss of power."""
    if folder.is_dir():
        return
    _make_directory(folder.parent)
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pragma_value(connection: PoolProxiedConnection, pragma: str) -> Any:
    cursor = connection.cursor()
    try:
        cursor.execute(pragma)
        [(value,)] = cursor.fetchall()
    finally:
        cursor.close()
    return value


def classify(error: Exception) -> CatalogUnavailable | None:
    advice = _MESSAGES.get(_primary_code(error))
    return None if advice is None else CatalogUnavailable(advice)


def _primary_code(error: Exception) -> int:
    """SQLite's primary result code; the bits above the lowest eight only refine it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF


def _is_busy(error: sqlite3.Error) -> bool:
    return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
