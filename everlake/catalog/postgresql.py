"""The catalog in PostgreSQL (15 and later), for any number of machines.

Transactions run side by side; what must not is held apart by the rows they lock, which the
modules of this package name. Whoever waits for news of batches listens to the channel that the
tables' triggers notify, and the clock is the server's.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from everlake.catalog.database import Catalog
from everlake.catalog.error_mapping import map_errors
from everlake.catalog.errors import CatalogInterrupted, CatalogUnavailable
from everlake.catalog.table_definitions import NOTIFY_CHANNEL
from everlake.contract.ids import new_batch_id

_PING_AFTER_IDLE_SECONDS = 5.0
"""A connection that has been idle for longer is looked at before it is used."""
_IDLE_TRANSACTION_SECONDS = 5.0
"""A transaction that its process leaves alone for longer is ended: others wait for its rows."""
_LAST_USED_AT = "everlake.used_at"
_NOTIFY_WAIT_SECONDS = 5.0
_RECONNECT_SECONDS = 1.0

_NO_RESPONSE = (
    "The database does not answer. See that PostgreSQL runs and can be reached, then retry; "
    "everlake doctor looks at it."
)
_MESSAGES = {
    "08": _NO_RESPONSE,
    "57P": _NO_RESPONSE,
    "57014": "A statement took the database too long. Try again; if it lasts, it is overloaded.",
    "55P03": "The database is busy: a lock was not free in time. Try again.",
    "40": "Two transactions of the database stood in each other's way. Try again.",
    "53100": "The disk that holds the database is full. Free some space there, then retry.",
    "53300": (
        "The database takes no more connections. Raise its max_connections, or lower "
        "EVERLAKE_DATABASE_CONNECTIONS: each process uses so many and one."
    ),
    "53": "The database server is out of resources. See its log, then retry.",
    "25P03": "This process stood still for too long within a transaction. Try again.",
    "25006": "The database is read-only: it may be a standby. Point Everlake at the primary.",
    "28": "The database refuses the user or password of EVERLAKE_DATABASE_URL.",
    "3D": "There is no database of that name: create it, then run everlake db upgrade.",
    "42501": "The database user may not do this: let it own Everlake's database.",
}
"""By the beginning of the SQLSTATE (PostgreSQL, Appendix A), the longest that fits."""
_RETRYABLE_STATES = ("40", "55P03", "57014")
"""Beginnings of those where another transaction, or its lock, was in the way."""


class PostgresqlCatalog(Catalog):
    """A PostgreSQL database.

    Args:
        url: ``postgresql://user:password@host:port/database``, with libpq's parameters.
        timeout: seconds to wait for a connection, a lock or a statement.
        connections: at a time at the most, and one more where it waits for news.

    Raises:
        CatalogUnavailable: it does not answer.
    """

    is_shared = True

    def __init__(self, url: str, timeout: float, connections: int) -> None:
        super().__init__()
        place = make_url(url).set(drivername="postgresql+psycopg")
        self._clock = _ServerClock()
        self._options = _connect_options(timeout)
        self._engine = _create_engine(place, self._options, timeout, connections, self._clock)
        self._listener: _BatchListener | None = None
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
        with map_errors(psycopg.Error, classify), self._engine.connect() as connection:
            tx = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            with tx.begin():
                yield tx

    @contextmanager
    def autocommit(self) -> Generator[Connection]:
        with map_errors(psycopg.Error, classify), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        with map_errors(psycopg.Error, classify), self._engine.begin() as tx:
            yield tx

    def change_counter(self) -> int:
        with self._listener_lock:
            if self._listener is None:
                self._listener = _BatchListener(self._conninfo, self._options, self._clock)
        return self._listener.count

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def new_batch_id(self) -> str:
        return new_batch_id(self.now_ms())

    def close(self) -> None:
        with self._listener_lock:
            if self._listener is not None:
                self._listener.stop()
                self._listener = None
        self._engine.dispose()


class _ServerClock:
    """The server's clock, as last asked for, carried on by the machine's monotonic one.

    So a node whose own clock is off, or is set, is no different from the others.
    """

    def __init__(self) -> None:
        self._synchronized_at = 0.0
        self._server_ms = 0.0

    def synchronize(self, connection: Any) -> None:
        """Compare over a connection of psycopg's; ends its transaction."""
        before = time.monotonic()
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp()) * 1000").fetchone()
        after = time.monotonic()
        connection.rollback()
        self._server_ms, self._synchronized_at = float(row[0]), (before + after) / 2

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return int(self._server_ms + (time.monotonic() - self._synchronized_at) * 1000)


class _BatchListener:
    """Counts the notifications of changed batches, on a connection and a thread of its own.

    While the connection is away the count goes up every second: anything may have changed.
    """

    def __init__(self, conninfo: str, options: dict[str, str | int], clock: _ServerClock) -> None:
        self.count = 0
        self._conninfo = make_conninfo(conninfo, **options)
        self._clock = clock
        self._stop_event = threading.Event()
        threading.Thread(target=self._run, name="database news", daemon=True).start()

    def stop(self) -> None:
        """End within :data:`_NEWS_SECONDS`."""
        self._stop_event.set()

    def _run(self) -> None:
        while not self._stop_event.is_set():
            with suppress(psycopg.Error):
                self._listen()
            self.count += 1
            self._stop_event.wait(_RECONNECT_SECONDS)

    def _listen(self) -> None:
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
            self.count += 1  # what came before was not heard
            asked = time.monotonic()
            while not self._stop_event.is_set():
                for _ in connection.notifies(timeout=_NOTIFY_WAIT_SECONDS, stop_after=1):
                    self.count += 1
                if time.monotonic() - asked >= _NOTIFY_WAIT_SECONDS:
                    self._clock.synchronize(connection)
                    asked = time.monotonic()


def _connect_options(timeout: float) -> dict[str, str | int]:
    """Libpq's, of every connection: what its server, and what this side waits for at the most."""
    milliseconds = int(timeout * 1000)
    bounds = {
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": min(
            2 * milliseconds, int(_IDLE_TRANSACTION_SECONDS * 1000)
        ),
        "timezone": "UTC",
    }
    return {
        "application_name": "everlake",
        "connect_timeout": max(2, int(timeout)),
        "tcp_user_timeout": milliseconds,
        # A server that is gone while nothing is sent to it is missed by these alone.
        "keepalives_idle": max(1, int(timeout / 2)),
        "keepalives_interval": max(1, int(timeout / 6)),
        "keepalives_count": 3,
        "options": " ".join(f"-c {name}={value}" for name, value in bounds.items()),
    }


def _create_engine(
    url: URL, options: dict[str, str | int], timeout: float, connections: int, clock: _ServerClock
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

    def connected(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        clock.synchronize(connection)
        entry.info[_LAST_USED_AT] = time.monotonic()

    def taken(
        connection: DBAPIConnection, entry: ConnectionPoolEntry, _: PoolProxiedConnection
    ) -> None:
        if time.monotonic() - entry.info[_LAST_USED_AT] > _PING_AFTER_IDLE_SECONDS:
            try:
                clock.synchronize(connection)
            except psycopg.Error as error:
                raise DisconnectionError from error  # the pool takes another

    def returned(_: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        entry.info[_LAST_USED_AT] = time.monotonic()

    event.listen(engine, "connect", connected)
    event.listen(engine, "checkout", taken)
    event.listen(engine, "checkin", returned)
    return engine


def classify(error: Exception) -> CatalogUnavailable | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    advice = _message_for(cause)
    if advice is None:
        return None
    was_cut = isinstance(error, DBAPIError) and error.connection_invalidated
    state = getattr(cause, "sqlstate", None) or ""
    passes = was_cut or state.startswith(_RETRYABLE_STATES)
    return (CatalogInterrupted if passes else CatalogUnavailable)(advice)


def _message_for(cause: BaseException | None) -> str | None:
    if not isinstance(cause, psycopg.Error):
        return None
    state = cause.sqlstate
    if state is None:
        return _NO_RESPONSE if isinstance(cause, psycopg.OperationalError) else None
    for length in range(len(state), 1, -1):
        if (advice := _MESSAGES.get(state[:length])) is not None:
            return advice
    return None
