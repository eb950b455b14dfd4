"""How many batches are in each status, seen from beside the server."""

from pathlib import Path

from everlake.catalog import batches
from everlake.catalog.engine import Catalog
from everlake.contract.batch import BatchStatus

_WAITING = (BatchStatus.LANDING, BatchStatus.LANDED, BatchStatus.PROCESSING)


def sqlite_in(data: Path) -> str:
    """The URL of the catalog that lies in a data directory."""
    return f"sqlite:///{data / 'everlake.db'}"


class Counts:
    """Counts the batches of a data directory, or of a database, whenever it is asked."""

    def __init__(self, of: Path | str) -> None:
        self._catalog = Catalog.open(of if isinstance(of, str) else sqlite_in(of))

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
