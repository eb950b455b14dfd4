"""A lake in a bucket, and processes that write it."""

from itertools import count
from pathlib import Path

import msgspec
from sqlalchemy import insert

from everlake.catalog.database import Catalog
from everlake.catalog.leases import Lease
from everlake.catalog.table_definitions import workspaces
from everlake.lake import Lake
from everlake.lake.opening import open_lake
from everlake.lake.writer_leases import WriterLeases
from tests.support.catalogs import migrated_catalog
from tests.support.s3 import S3Server

LONG = 60_000
"""Milliseconds of a lease that does not expire during a test."""

_WORKSPACE_IDS = ["w", "v", *(f"w{number}" for number in range(6))]
_NUMBERS = count()


class AlwaysWriter:
    """Lease provider that acquires the lease whenever it is asked."""

    def __init__(self, catalog: Catalog) -> None:
        self.writers = WriterLeases(catalog, f"worker-{next(_NUMBERS)}", LONG)

    def lease(self, workspace_id: str) -> Lease | None:
        """Return the lease. Raises WriterLeaseLost where another process holds it."""
        self.writers.acquire(workspace_id)
        return self.writers.lease(workspace_id)


class LakeProcess(msgspec.Struct, frozen=True):
    """A process: its leases, and its lake."""

    writers: WriterLeases
    lake: Lake


class BucketLake:
    """A bucket, and a catalog with some workspaces."""

    def __init__(self, server: S3Server, folder: Path) -> None:
        self.server = server
        self.bucket = server.new_bucket()
        self.url = f"s3://{self.bucket}/some/where"
        self.catalog = migrated_catalog(f"sqlite:///{folder}/catalog.db")
        with self.catalog.transaction() as tx:
            rows = [
                {"id": name, "name": name, "created_at": 0, "last_sequence": 0}
                for name in _WORKSPACE_IDS
            ]
            tx.execute(insert(workspaces), rows)

    def lake(self) -> Lake:
        """Return a lake that acquires the lease whenever it writes."""
        return open_lake(self.url, self.catalog, AlwaysWriter(self.catalog))

    def reader(self) -> Lake:
        """Return the lake of a process that only reads."""
        return open_lake(self.url, self.catalog)

    def process(self) -> LakeProcess:
        """Return a worker that has no lease yet."""
        writers = WriterLeases(self.catalog, f"worker-{next(_NUMBERS)}", LONG)
        return LakeProcess(writers, open_lake(self.url, self.catalog, writers))

    def close(self) -> None:
        """Close the catalog."""
        self.catalog.close()
