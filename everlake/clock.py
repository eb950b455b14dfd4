"""Clock of this machine.

Times that several machines compare are :meth:`everlake.catalog.database.Catalog.now_ms` instead,
the clock of the database.
"""

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Return the time of this machine in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def utc_now() -> datetime:
    """Return the time of this machine, in UTC."""
    return datetime.now(UTC)
