"""PostgreSQL catalog (version 15 and later), for any number of machines.

Transactions run concurrently. Those that must not are serialised by the rows they lock, which
the modules of this package name. The clock is the server's.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from everlake.catalog.clock import ServerClock, attach_clock
from everlake.catalog.database import Catalog
from everlake.catalog.error_mapping import map_errors
from everlake.catalog.postgresql_errors import classify
from everlake.catalog.postgresql_listener import BatchListener
from everlake.contract.ids import new_batch_id

_PING_AFTER_IDLE_SECONDS = 5.0
"""A connection that was idle for longer is tested before it is used."""
_IDLE_TRANSACTION_SECONDS = 5.0
"""The server ends a transaction that is idle for longer, because others wait for its rows."""
_LAST_USED_AT = "everlake.last_used_at"


class PostgresqlCatalog(Catalog):
    """A catalog in a PostgreSQL database.

    Args:
        url: ``postgresql://user:password@host:port/database``, with libpq's parameters.
        timeout: seconds to wait for a connection, a lock or a statement.
        connections: most connections in the pool. One more listens for notifications, once
            :meth:`change_counter` was called.

    Raises:
        CatalogUnavailable: the server cannot be reached, or rejects the connection.
    """

    is_shared = True

    def __init__(self, url: str, timeout: float, connections: int) -> None:
        super().__init__()
        engine_url = make_url(url).set(drivername="postgresql+psycopg")
        self._clock = ServerClock()
        self._options = _connect_options(timeout)
        self._engine = _create_engine(engine_url, self._options, timeout, connections, self._clock)
        self._listener: BatchListener | None = None
        self._listener_lock = threading.Lock()
        self._conninfo = make_url(url).set(drivername="postgresql").render_as_string(False)
        try:
            with self.snapshot():
                pass
        except BaseException:
            self.close()
            raise

    @contextmanager
    def snapshot(self) -> Generator[Connection]:
        """See :meth:`everlake.catalog.database.Catalog.snapshot`."""
        with map_errors(psycopg.Error, classify), self._engine.connect() as connection:
            tx = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            with tx.begin():
                yield tx

    @contextmanager
    def autocommit(self) -> Generator[Connection]:
        """See :meth:`everlake.catalog.database.Catalog.autocommit`."""
        with map_errors(psycopg.Error, classify), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        with map_errors(psycopg.Error, classify), self._engine.begin() as tx:
            yield tx

    def change_counter(self) -> int:
        """See :meth:`everlake.catalog.database.Catalog.change_counter`."""
        with self._listener_lock:
            if self._listener is None:
                self._listener = BatchListener(self._conninfo, self._options, self._clock)
        return self._listener.count

    def now_ms(self) -> int:
        """See :meth:`everlake.catalog.database.Catalog.now_ms`."""
        return self._clock.now_ms()

    def new_batch_id(self) -> str:
        """See :meth:`everlake.catalog.database.Catalog.new_batch_id`."""
        return new_batch_id(self.now_ms())

    def close(self) -> None:
        """See :meth:`everlake.catalog.database.Catalog.close`."""
        with self._listener_lock:
            if self._listener is not None:
                self._listener.stop()
                self._listener = None
        self._engine.dispose()


def _connect_options(timeout: float) -> dict[str, str | int]:
    """Return libpq's parameters of every connection: timeouts on both sides."""
    milliseconds = int(timeout * 1000)
    settings = {
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": min(
            2 * milliseconds, int(_IDLE_TRANSACTION_SECONDS * 1000)
        ),
        "timezone": "UTC",
        # A 202 rests on the commit: whatever the server's default, wait until the WAL is flushed.
        "synchronous_commit": "on",
    }
    return {
        "application_name": "everlake",
        "connect_timeout": max(2, int(timeout)),
        "tcp_user_timeout": milliseconds,
        # Keepalives alone detect a lost server while nothing is being sent to it.
        "keepalives_idle": max(1, int(timeout / 2)),
        "keepalives_interval": max(1, int(timeout / 6)),
        "keepalives_count": 3,
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }


def _create_engine(
    url: URL, options: dict[str, str | int], timeout: float, connections: int, clock: ServerClock
) -> Engine:
    engine = create_engine(
        url,
        connect_args=options,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=timeout,
        pool_use_lifo=True,
        hide_parameters=True,
    )

    def on_connect(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        clock.synchronize(connection)
        attach_clock(entry, clock.now_ms)
        entry.info[_LAST_USED_AT] = time.monotonic()

    def on_checkout(
        connection: DBAPIConnection, entry: ConnectionPoolEntry, _: PoolProxiedConnection
    ) -> None:
        if time.monotonic() - entry.info[_LAST_USED_AT] > _PING_AFTER_IDLE_SECONDS:
            try:
                clock.synchronize(connection)
            except psycopg.Error as error:
                raise DisconnectionError from error  # the pool opens another connection

    def on_checkin(_: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        entry.info[_LAST_USED_AT] = time.monotonic()

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "checkout", on_checkout)
    event.listen(engine, "checkin", on_checkin)
    return engine
