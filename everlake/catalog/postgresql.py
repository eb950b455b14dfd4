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

from everlake.catalog.advice import advising
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogInterrupted, CatalogUnavailable
from everlake.catalog.tables import CHANNEL
from everlake.contract.ids import new_batch_id

_IDLE_SECONDS = 5.0
"""A connection that has been idle for longer is looked at before it is used."""
_STILL_SECONDS = 5.0
"""A transaction that its process leaves alone for longer is ended: others wait for its rows."""
_USED_AT = "everlake.used_at"
_NEWS_SECONDS = 5.0
_AWAY_SECONDS = 1.0

_AWAY = (
    "The database does not answer. See that PostgreSQL runs and can be reached, then retry; "
    "everlake doctor looks at it."
)
_ADVICE = {
    "08": _AWAY,
    "57P": _AWAY,
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
_PASSES = ("40", "55P03", "57014")
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
        self._clock = _Clock()
        self._options = _connect_options(timeout)
        self._engine = _engine(place, self._options, timeout, connections, self._clock)
        self._news: _News | None = None
        self._news_lock = threading.Lock()
        self._conninfo = make_url(url).set(drivername="postgresql").render_as_string(False)
        try:
            with self.read():
                pass
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Generator[Connection]:
        with advising(psycopg.Error, _told), self._engine.connect() as connection:
            tx = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            with tx.begin():
                yield tx

    @contextmanager
    def look(self) -> Generator[Connection]:
        with advising(psycopg.Error, _told), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _write(self) -> Generator[Connection]:
        with advising(psycopg.Error, _told), self._engine.begin() as tx:
            yield tx

    def change_counter(self) -> int:
        with self._news_lock:
            if self._news is None:
                self._news = _News(self._conninfo, self._options, self._clock)
        return self._news.count

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def new_batch_id(self) -> str:
        return new_batch_id(self.now_ms())

    def close(self) -> None:
        with self._news_lock:
            if self._news is not None:
                self._news.stop()
                self._news = None
        self._engine.dispose()


class _Clock:
    """The server's clock, as last asked for, carried on by the machine's monotonic one.

    So a node whose own clock is off, or is set, is no different from the others.
    """

    def __init__(self) -> None:
        self._at = 0.0
        self._server_ms = 0.0

    def ask(self, connection: Any) -> None:
        """Compare over a connection of psycopg's; ends its transaction."""
        before = time.monotonic()
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp()) * 1000").fetchone()
        after = time.monotonic()
        connection.rollback()
        self._server_ms, self._at = float(row[0]), (before + after) / 2

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return int(self._server_ms + (time.monotonic() - self._at) * 1000)


class _News:
    """Counts the notifications of changed batches, on a connection and a thread of its own.

    While the connection is away the count goes up every second: anything may have changed.
    """

    def __init__(self, conninfo: str, options: dict[str, str | int], clock: _Clock) -> None:
        self.count = 0
        self._conninfo = make_conninfo(conninfo, **options)
        self._clock = clock
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="database news", daemon=True).start()

    def stop(self) -> None:
        """End within :data:`_NEWS_SECONDS`."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            with suppress(psycopg.Error):
                self._listen()
            self.count += 1
            self._stopped.wait(_AWAY_SECONDS)

    def _listen(self) -> None:
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            self.count += 1  # what came before was not heard
            asked = time.monotonic()
            while not self._stopped.is_set():
                for _ in connection.notifies(timeout=_NEWS_SECONDS, stop_after=1):
                    self.count += 1
                if time.monotonic() - asked >= _NEWS_SECONDS:
                    self._clock.ask(connection)
                    asked = time.monotonic()


def _connect_options(timeout: float) -> dict[str, str | int]:
    """Libpq's, of every connection: what its server, and what this side waits for at the most."""
    milliseconds = int(timeout * 1000)
    bounds = {
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": min(2 * milliseconds, int(_STILL_SECONDS * 1000)),
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


def _engine(
    url: URL, options: dict[str, str | int], timeout: float, connections: int, clock: _Clock
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
        clock.ask(connection)
        entry.info[_USED_AT] = time.monotonic()

    def taken(
        connection: DBAPIConnection, entry: ConnectionPoolEntry, _: PoolProxiedConnection
    ) -> None:
        if time.monotonic() - entry.info[_USED_AT] > _IDLE_SECONDS:
            try:
                clock.ask(connection)
            except psycopg.Error as error:
                raise DisconnectionError from error  # the pool takes another

    def returned(_: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        entry.info[_USED_AT] = time.monotonic()

    event.listen(engine, "connect", connected)
    event.listen(engine, "checkout", taken)
    event.listen(engine, "checkin", returned)
    return engine


def _told(error: Exception) -> CatalogUnavailable | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    advice = _advice(cause)
    if advice is None:
        return None
    was_cut = isinstance(error, DBAPIError) and error.connection_invalidated
    state = getattr(cause, "sqlstate", None) or ""
    passes = was_cut or state.startswith(_PASSES)
    return (CatalogInterrupted if passes else CatalogUnavailable)(advice)


def _advice(cause: BaseException | None) -> str | None:
    if not isinstance(cause, psycopg.Error):
        return None
    state = cause.sqlstate
    if state is None:
        return _AWAY if isinstance(cause, psycopg.OperationalError) else None
    for length in range(len(state), 1, -1):
        if (advice := _ADVICE.get(state[:length])) is not None:
            return advice
    return None
