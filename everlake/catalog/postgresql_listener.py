"""PostgreSQL notifications of changed batches (LISTEN), counted in a thread of their own."""

import threading
import time
from contextlib import suppress

import psycopg
from psycopg.conninfo import make_conninfo

from everlake.catalog.clock import ServerClock
from everlake.catalog.table_definitions import NOTIFY_CHANNEL

_NOTIFY_WAIT_SECONDS = 5.0
_RECONNECT_SECONDS = 1.0


class BatchListener:
    """Counter of the notifications that the triggers of the batch tables send.

    While it is not connected, ``count`` grows every second, because changes may go unnoticed.

    Args:
        conninfo: libpq connection string.
        options: libpq connection parameters that override it.
        clock: synchronized over this connection every few seconds.
    """

    def __init__(self, conninfo: str, options: dict[str, str | int], clock: ServerClock) -> None:
        self.count = 0
        self._conninfo = make_conninfo(conninfo, **options)
        self._clock = clock
        self._stop_event = threading.Event()
        threading.Thread(target=self._run, name="database listener", daemon=True).start()

    def stop(self) -> None:
        """Make the thread end within ``_NOTIFY_WAIT_SECONDS``, without waiting for it."""
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
            self.count += 1  # changes before LISTEN were not notified
            synchronized_at = time.monotonic()
            while not self._stop_event.is_set():
                for _ in connection.notifies(timeout=_NOTIFY_WAIT_SECONDS, stop_after=1):
                    self.count += 1
                if time.monotonic() - synchronized_at >= _NOTIFY_WAIT_SECONDS:
                    self._clock.synchronize(connection)
                    synchronized_at = time.monotonic()
