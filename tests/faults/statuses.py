"""How many batches are in each status, seen from beside the server."""

from pathlib import Path

from everlake.catalog import batches
from everlake.catalog.engine import Catalog
from everlake.contract.batch import BatchStatus

_WAITING = (BatchStatus.LANDING, BatchStatus.LANDED, BatchStatus.PROCESSING)


class Counts:
    """Counts the batches of a data directory whenever it is asked."""

    def __init__(self, data: Path) -> None:
        self._catalog = Catalog.open(f"sqlite:///{data / 'everlake.db'}")

    def of(self, *statuses: BatchStatus) -> int:
        """How many are in one of these statuses."""
        with self._catalog.read() as tx:
            counts = batches.counts_by_status(tx)
        return sum(counts[status] for status in statuses)

    def waiting(self) -> int:
        """How many have not come to an end."""
        return self.of(*_WAITING)

    def close(self) -> None:
        """Close the catalog."""
        self._catalog.close()
