"""How many batches are in each status, seen from beside the server."""

import time
from pathlib import Path

from sqlalchemy import func, select

from everlake.catalog.errors import CatalogUnavailable
from everlake.catalog.opening import open_catalog
from everlake.catalog.table_definitions import batches
from everlake.contract.batches import BatchStatus

_PATIENCE_SECONDS = 20.0
_COUNTS = select(batches.c.status, func.count()).group_by(batches.c.status)
_WAITING = (BatchStatus.LANDING, BatchStatus.LANDED, BatchStatus.PROCESSING)


def sqlite_in(data: Path) -> str:
    """The URL of the catalog that lies in a data directory."""
    return f"sqlite:///{data / 'everlake.db'}"


class BatchCounts:
    """Counts the batches of a data directory, or of a database, whenever it is asked."""

    def __init__(self, of: Path | str) -> None:
        self._catalog = open_catalog(of if isinstance(of, str) else sqlite_in(of))

    def count(self, *statuses: BatchStatus) -> int:
        """How many are in one of these statuses; where the database is away, once it is back."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                with self._catalog.snapshot() as tx:
                    counts = {row[0]: row[1] for row in tx.execute(_COUNTS)}
            except CatalogUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return sum(counts.get(status, 0) for status in statuses)

    def unfinished(self) -> int:
        """How many have not come to an end."""
        return self.count(*_WAITING)

    def close(self) -> None:
        """Close the catalog."""
        self._catalog.close()
