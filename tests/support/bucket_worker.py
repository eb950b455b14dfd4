"""Worker fixture whose lake and archive are in a bucket."""

from pathlib import Path

from everlake.catalog.leases import Lease
from everlake.catalog.table_definitions import leases
from everlake.lake.opening import open_lake
from everlake.storage import open_store
from tests.support.s3 import S3Server
from tests.support.worker_fixture import WorkerFixture


class PresentWriters:
    """Writer leases as the catalog has them, as if each had just been renewed."""

    def __init__(self, home: WorkerFixture) -> None:
        self._home = home

    def lease(self, workspace_id: str) -> Lease | None:
        with self._home.catalog.autocommit() as tx:
            found = tx.execute(
                leases.select().where(leases.c.name == f"lake/{workspace_id}")
            ).mappings()
            return Lease(**found.one())


class BucketWorkerFixture(WorkerFixture):
    """Worker fixture whose storage is a bucket."""

    def __init__(self, folder: Path, server: S3Server) -> None:
        self.server = server
        self.bucket = server.new_bucket()
        self.url = f"s3://{self.bucket}/some"
        super().__init__(folder, store=open_store(self.url))
        self.lake = open_lake(self.url, self.catalog, PresentWriters(self))

    def generations(self) -> set[str]:
        """Return the generations that have objects."""
        keys = self.server.keys(self.bucket, f"some/lake/workspace={self.workspace_id}/")
        return {key.split("/")[3] for key in keys}
