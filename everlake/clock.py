"""Clock of this machine.

Rows that several machines order by time take :meth:`everlake.catalog.database.Catalog.now_ms`
instead, which is the database's clock.
"""

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Return the time of this machine in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def utc_now() -> datetime:
    """Return the time of this machine, in UTC."""
    return datetime.now(UTC)
