"""Clocks of the catalog: the database server's, and that of a transaction.

Rows that are read in the order of their times are stamped by :func:`now_ms`, so that the order
is right when the machines' own clocks differ.
"""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.pool import ConnectionPoolEntry

_CLOCK = "everlake.clock"


def attach_clock(entry: ConnectionPoolEntry, now: Callable[[], int]) -> None:
    """Make ``now`` the clock of every transaction on a new connection.

    Args:
        entry: the pool's entry of the connection.
        now: returns Unix milliseconds.
    """
    entry.info[_CLOCK] = now


def now_ms(tx: Connection) -> int:
    """Return :meth:`everlake.catalog.database.Catalog.now_ms` of the transaction's database."""
    return tx.info[_CLOCK]()


class ServerClock:
    """Estimate of a PostgreSQL server's clock, carried forward by this machine's monotonic clock.

    A wrong or adjusted clock of this machine does not affect it.
    """

    def __init__(self) -> None:
        # One number, so that a thread never combines parts of two measurements.
        self._offset_ms = 0.0

    def synchronize(self, connection: Any) -> None:
        """Measure the server's clock over an idle psycopg connection.

        Raises:
            psycopg.Error: the server does not answer.
        """
        before = time.monotonic()
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp()) * 1000").fetchone()
        after = time.monotonic()
        connection.rollback()
        self._offset_ms = float(row[0]) - (before + after) / 2 * 1000

    def now_ms(self) -> int:
        """Return the server's time in Unix milliseconds."""
        return int(self._offset_ms + time.monotonic() * 1000)
