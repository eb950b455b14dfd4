"""A workspace whose batches come in through the real ingest, and what works on them."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from everlake.catalog import batches, keys, products, projects, queue, workspaces
from everlake.catalog.batches import BatchRow
from everlake.catalog.engine import Catalog, local_now_ms
from everlake.catalog.keys import ApiKey
from everlake.contract.batch import BatchStatus
from everlake.contract.limits import Limits
from everlake.ingest import service
from everlake.ingest.admit import Admitter
from everlake.ingest.body import MediaType
from everlake.ingest.service import Ingest
from everlake.lake import Lake
from everlake.lake.local import LocalSite
from everlake.metrics import Meters
from everlake.search import search
from everlake.storage import ObjectStore
from everlake.storage.local import LocalStore
from everlake.worker import stages
from everlake.worker.leases import WriterLeases
from everlake.worker.queue import Queue, Stage

PRODUCT = "prod"
PROJECT = "proj"


class Clock:
    """The time as the worker sees it, which tests turn forward."""

    def __init__(self) -> None:
        self._ahead = 0

    def __call__(self) -> int:
        return local_now_ms() + self._ahead

    def forward(self, milliseconds: int) -> None:
        self._ahead += milliseconds


class Home:
    """Everything of one data directory."""

    def __init__(
        self,
        data: Path,
        product_id: str = PRODUCT,
        project_id: str = PROJECT,
        database: str | None = None,
        store: ObjectStore | None = None,
    ) -> None:
        self.data = data
        self._product_id = product_id
        self._project_id = project_id
        self.catalog = Catalog.open(database or f"sqlite:///{data / 'everlake.db'}")
        self.catalog.upgrade()
        self.store = store or LocalStore(data)
        self.lake = Lake(LocalSite(data))
        self.admitter = Admitter(self.catalog, self.store)
        self.admitter.start()
        self._ingest = Ingest(self.catalog, self.admitter, Limits())
        self.meters = Meters()
        self._keys: dict[str, ApiKey] = {}
        self.workspace_id = self.new_workspace("first")

    def close(self) -> None:
        self.admitter.stop()
        self.catalog.close()

    def new_workspace(self, name: str) -> str:
        with self.catalog.write() as tx:
            workspace_id = workspaces.create(tx, name=name).id
            products.create(tx, workspace_id, product_id=self._product_id)
            projects.create(tx, workspace_id, self._product_id, project_id=self._project_id)
            key, _ = keys.create(
                tx, workspace_id, label="k", permissions=["api:write"], most_live=10
            )
        self._keys[workspace_id] = key
        return workspace_id

    def accept(self, *records: Mapping[str, Any], workspace_id: str | None = None) -> str:
        """The id of the batch that these records become; it waits in ``LANDING``."""
        return self.accept_texts([json.dumps(one) for one in records], workspace_id)

    def accept_texts(self, records: Sequence[str], workspace_id: str | None = None) -> str:
        """As :meth:`accept`, for records as JSON."""
        body = f"[{','.join(records)}]".encode()
        return self.accept_body(body, MediaType.JSON, workspace_id)

    def accept_body(
        self, body: bytes, media_type: MediaType, workspace_id: str | None = None
    ) -> str:
        """As :meth:`accept`, for a body as it is sent."""
        request = service.Request(
            key=self._keys[workspace_id or self.workspace_id], body=body, media_type=media_type
        )
        admitted = asyncio.run(self._ingest.submit(request))
        return json.loads(admitted.receipt)["batchId"]

    def batch(self, batch_id: str, workspace_id: str | None = None) -> BatchRow:
        with self.catalog.read() as tx:
            row = batches.get(tx, workspace_id or self.workspace_id, batch_id)
        assert row is not None
        return row

    def statuses(self, *batch_ids: str) -> list[str]:
        return [self.batch(batch_id).status.value for batch_id in batch_ids]

    def retry(self, batch_id: str) -> bool:
        with self.catalog.write() as tx:
            return queue.retry(tx, self.workspace_id, batch_id, now=self.catalog.now_ms())

    def landing_file(self, batch_id: str) -> Path:
        path = self.batch(batch_id).landing_path
        assert path is not None
        return self.data / path

    def landing(self) -> Stage:
        return stages.landing(self.catalog, self.store, self.lake)

    def analysis(self) -> Stage:
        return stages.analysis(self.store, self.lake)

    def writers(self, worker: str = "worker", ttl_ms: int = 30_000) -> WriterLeases:
        return WriterLeases(self.catalog, worker, ttl_ms, self.meters)

    def queue(
        self,
        stage: Stage | None = None,
        *,
        worker: str = "worker",
        writers: WriterLeases | None = None,
        catalog: Catalog | None = None,
        max_attempts: int = 3,
    ) -> Queue:
        return Queue(
            catalog or self.catalog,
            writers or self.writers(worker),
            stage or self.landing(),
            worker=worker,
            lease_ms=30_000,
            retry_ms=1_000,
            max_attempts=max_attempts,
            meters=self.meters,
        )

    def work(self, *stages_to_do: Stage) -> None:
        """Work until nothing is due."""
        for stage in stages_to_do or (self.landing(), self.analysis()):
            queue = self.queue(stage)
            while queue.step():
                pass

    def texts(self) -> list[str]:
        """The ``text`` of every record in the lake, the newest arrival first."""
        page = self.lake.page_records(self.workspace_id, limit=1_000)
        return [json.loads(record.data)["text"] for record in page.records]

    def found(self, query: str) -> list[str]:
        """What a search finds."""
        return [hit.text for hit in search(self.lake, self.workspace_id, query, limit=100).hits]


def record(name: str, text: str = "hello") -> dict[str, Any]:
    """A right record; the same name is the same record."""
    return {
        "_type": "message",
        "_schema_version": "1.0.0",
        "_event_at": "2026-03-01T10:00:00Z",
        "_vendor_ids": {"id": name},
        "_product_id": PRODUCT,
        "_project_ids": [PROJECT],
        "data": {"text": text},
    }


def ended(rows: Sequence[BatchRow]) -> bool:
    """Whether nothing is to be done any more."""
    return all(row.status in {BatchStatus.COMPLETE, BatchStatus.FAILED} for row in rows)
