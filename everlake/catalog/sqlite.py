"""SQLite catalog: a file in write-ahead mode, for the processes of one machine.

One connection writes and many read, so a writer never waits for readers. The writers of one
process queue on a lock, those of several processes on SQLite's busy handler.
"""

import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from everlake.catalog.clock import attach_clock
from everlake.catalog.database import Catalog
from everlake.catalog.error_mapping import map_errors
from everlake.catalog.errors import CatalogError, CatalogUnavailable
from everlake.catalog.sqlite_errors import BUSY_MESSAGE, classify, is_busy
from everlake.catalog.sqlite_file import SqliteFile
from everlake.clock import now_ms as local_now_ms
from everlake.contract.ids import new_batch_id

_MAX_READERS = 32
_WRITER_PRAGMAS = (
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-16384",
    "PRAGMA journal_size_limit=67108864",
)
_READER_PRAGMAS = ("PRAGMA query_only=ON",)


class SqliteCatalog(Catalog):
    """A catalog in a SQLite file.

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
        self._file = SqliteFile(_path_from_url(url))
        self._busy_timeout = timeout
        self._writer = self._create_engine(_WRITER_PRAGMAS, "BEGIN IMMEDIATE", 1)
        self._reader = self._create_engine(_READER_PRAGMAS, "BEGIN", _MAX_READERS)
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
        """See :meth:`everlake.catalog.database.Catalog.snapshot`."""
        with map_errors(sqlite3.Error, classify), self._reader.begin() as tx:
            yield tx

    def autocommit(self) -> AbstractContextManager[Connection]:
        """See :meth:`everlake.catalog.database.Catalog.autocommit`."""
        return self.snapshot()

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        if not self._write_lock.acquire(timeout=self._busy_timeout):
            raise CatalogUnavailable(BUSY_MESSAGE)
        try:
            with map_errors(sqlite3.Error, classify), self._writer.begin() as tx:
                self._file.check_in_place()
                yield tx
            # Only a commit into a file that is still there may be acknowledged.
            self._file.check_in_place()
        finally:
            self._write_lock.release()

    def change_counter(self) -> int:
        """See :meth:`everlake.catalog.database.Catalog.change_counter`."""
        with self._version_lock, map_errors(sqlite3.Error, classify):
            if self._version_connection is None:
                self._version_connection = self._reader.raw_connection()
                self._version_connection.detach()
            return _pragma_value(self._version_connection, "PRAGMA data_version")

    def now_ms(self) -> int:
        """See :meth:`everlake.catalog.database.Catalog.now_ms`."""
        return local_now_ms()

    def new_batch_id(self) -> str:
        """See :meth:`everlake.catalog.database.Catalog.new_batch_id`."""
        return new_batch_id()

    def close(self) -> None:
        """See :meth:`everlake.catalog.database.Catalog.close`."""
        with self._version_lock:
            if self._version_connection is not None:
                self._version_connection.close()
                self._version_connection = None
        self._reader.dispose()
        self._writer.dispose()

    def _create_engine(self, pragmas: tuple[str, ...], begin: str, pool_size: int) -> Engine:
        engine = create_engine(
            self._file.url,
            # No isolation level: the driver starts no transaction by itself, the hook below does.
            connect_args={"timeout": self._busy_timeout, "isolation_level": None},
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=self._busy_timeout,
            pool_use_lifo=True,
            hide_parameters=True,
        )

        def on_connect(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
            self._file.check_in_place()
            attach_clock(entry, self.now_ms)
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(pragma)
            cursor.close()

        def on_begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        event.listen(engine, "connect", on_connect)
        event.listen(engine, "begin", on_begin)
        return engine

    def _enable_write_ahead_log(self) -> None:
        deadline = time.monotonic() + self._busy_timeout
        while True:
            with map_errors(sqlite3.Error, classify):
                connection = self._writer.raw_connection()
                try:
                    mode = _pragma_value(connection, "PRAGMA journal_mode=WAL")
                    break
                except sqlite3.OperationalError as error:
                    # Two processes that open a new file at once block each other, and SQLite's
                    # busy handler does not wait here.
                    if is_busy(error) and time.monotonic() < deadline:
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


def _path_from_url(url: str) -> Path:
    parsed = make_url(url)
    database = parsed.database
    if not database or database == ":memory:" or parsed.query:
        raise CatalogError(
            "The database URL must name a file and nothing else: sqlite:/// and a path."
        )
    return Path(database).absolute()


def _pragma_value(connection: PoolProxiedConnection, pragma: str) -> Any:
    cursor = connection.cursor()
    try:
        cursor.execute(pragma)
        [(value,)] = cursor.fetchall()
    finally:
        cursor.close()
    return value
