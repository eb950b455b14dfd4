"""A lake in a bucket, and the processes that come to write it."""

from itertools import count
from pathlib import Path

import msgspec
from sqlalchemy import insert

from everlake.catalog.engine import Catalog
from everlake.catalog.leases import Lease
from everlake.catalog.tables import workspaces
from everlake.lake import Lake
from everlake.lake.opening import open_lake
from everlake.worker.leases import WriterLeases
from tests.integration.s3 import S3

LONG = 60_000
"""Milliseconds of a lease that nobody lets run out."""

_WORKSPACES = ["w", "v", *(f"w{number}" for number in range(6))]
_NUMBERS = count()


class Holding:
    """The right to write, taken whenever it is asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self.writers = WriterLeases(catalog, f"worker-{next(_NUMBERS)}", LONG)

    def lease(self, workspace_id: str) -> Lease | None:
        """It; WriterLost where another has it."""
        self.writers.hold(workspace_id)
        return self.writers.lease(workspace_id)


class Process(msgspec.Struct, frozen=True):
    """A process: its right to write, and the lake as it has it open."""

    writers: WriterLeases
    lake: Lake


class BucketHome:
    """A bucket and a catalog that knows some workspaces."""

    def __init__(self, server: S3, folder: Path) -> None:
        self.server = server
        self.bucket = server.new_bucket()
        self.url = f"s3://{self.bucket}/some/where"
        self.catalog = Catalog.open(f"sqlite:///{folder}/catalog.db")
        self.catalog.upgrade()
        with self.catalog.write() as tx:
            rows = [
                {"id": name, "name": name, "created_at": 0, "last_sequence": 0}
                for name in _WORKSPACES
            ]
            tx.execute(insert(workspaces), rows)

    def lake(self) -> Lake:
        """A lake whose writer takes the right to write whenever it writes."""
        return open_lake(self.url, self.catalog, Holding(self.catalog))

    def reader(self) -> Lake:
        """A lake of a process that only reads."""
        return open_lake(self.url, self.catalog)

    def process(self) -> Process:
        """A worker, which has no right to write yet."""
        writers = WriterLeases(self.catalog, f"worker-{next(_NUMBERS)}", LONG)
        return Process(writers, open_lake(self.url, self.catalog, writers))

    def close(self) -> None:
        """Leave the catalog."""
        self.catalog.close()
