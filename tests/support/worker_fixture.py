"""A workspace whose batches come in through the real ingest, and what works on them."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from everlake.catalog import api_keys, batch_queue, batches, products, projects, workspaces
from everlake.catalog.database import Catalog
from everlake.clock import now_ms
from everlake.contract.batches import BatchStatus
from everlake.contract.limits import Limits
from everlake.contract.media_types import MediaType
from everlake.identity.api_key_authentication import api_key_principal
from everlake.identity.types import Principal
from everlake.ingest.group_commit import GroupCommitter
from everlake.ingest.service import IngestService
from everlake.ingest.types import IngestRequest
from everlake.lake.opening import open_lake
from everlake.lake.writer_leases import WriterLeases
from everlake.metrics import Metrics
from everlake.model.batches import BatchRow
from everlake.retry import RetryPolicy
from everlake.search import search
from everlake.storage import ObjectStore
from everlake.storage.local import LocalStore
from everlake.worker import stages
from everlake.worker.stage_runner import StageRunner
from everlake.worker.types import Stage
from tests.support.catalogs import migrated_catalog

PRODUCT = "prod"
PROJECT = "proj"


class ShiftedClock:
    """The time as the worker sees it, which tests turn forward."""

    def __init__(self) -> None:
        self._offset_ms = 0

    def __call__(self) -> int:
        return now_ms() + self._offset_ms

    def advance(self, milliseconds: int) -> None:
        self._offset_ms += milliseconds


class WorkerFixture:
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
        self.catalog = migrated_catalog(database or f"sqlite:///{data / 'everlake.db'}")
        self.store = store or LocalStore(data)
        self.lake = open_lake(data.as_uri(), self.catalog)
        self.admitter = GroupCommitter(self.catalog, self.store)
        self.admitter.start()
        self._ingest = IngestService(self.catalog, self.store, self.admitter, Limits())
        self.metrics = Metrics()
        self.principals: dict[str, Principal] = {}
        self.workspace_id = self.new_workspace("first")

    def close(self) -> None:
        self.admitter.stop()
        self.catalog.close()

    def new_workspace(self, name: str) -> str:
        with self.catalog.transaction() as tx:
            workspace_id = workspaces.create(tx, name=name).id
            products.create(tx, workspace_id, product_id=self._product_id)
            projects.create(tx, workspace_id, self._product_id, project_id=self._project_id)
            key, _ = api_keys.create(
                tx, workspace_id, label="k", permissions=["api:write"], max_live=10
            )
        self.principals[workspace_id] = api_key_principal(key)
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
        request = IngestRequest(
            principal=self.principals[workspace_id or self.workspace_id],
            body=body,
            media_type=media_type,
        )
        admitted = asyncio.run(self._ingest.submit(request))
        return json.loads(admitted.receipt)["batchId"]

    def batch(self, batch_id: str, workspace_id: str | None = None) -> BatchRow:
        with self.catalog.snapshot() as tx:
            row = batches.get(tx, workspace_id or self.workspace_id, batch_id)
        assert row is not None
        return row

    def statuses(self, *batch_ids: str) -> list[str]:
        return [self.batch(batch_id).status.value for batch_id in batch_ids]

    def retry(self, batch_id: str) -> bool:
        with self.catalog.transaction() as tx:
            return batch_queue.retry_failed(
                tx, self.workspace_id, batch_id, now=self.catalog.now_ms()
            )

    def landing_file(self, batch_id: str) -> Path:
        path = self.batch(batch_id).landing_path
        assert path is not None
        return self.data / path

    def landing_stage(self) -> Stage:
        return stages.landing_stage(self.catalog, self.store, self.lake)

    def analysis_stage(self) -> Stage:
        return stages.analysis_stage(self.store, self.lake)

    def writer_leases(self, worker: str = "worker", ttl_ms: int = 30_000) -> WriterLeases:
        return WriterLeases(self.catalog, worker, ttl_ms, self.metrics)

    def stage_runner(
        self,
        stage: Stage | None = None,
        *,
        worker: str = "worker",
        writer_leases: WriterLeases | None = None,
        catalog: Catalog | None = None,
        max_attempts: int = 3,
    ) -> StageRunner:
        return StageRunner(
            catalog or self.catalog,
            writer_leases or self.writer_leases(worker),
            stage or self.landing_stage(),
            worker=worker,
            lease_ms=30_000,
            retry_policy=RetryPolicy(
                max_attempts=max_attempts, base_ms=1_000, max_ms=60_000, jitter=0
            ),
            metrics=self.metrics,
        )

    def process_all(self, *stages_to_do: Stage) -> None:
        """Work until nothing is due."""
        for stage in stages_to_do or (self.landing_stage(), self.analysis_stage()):
            queue = self.stage_runner(stage)
            while queue.run_once():
                pass

    def texts(self) -> list[str]:
        """The ``text`` of every record in the lake, the newest arrival first."""
        page = self.lake.records.page(self.workspace_id, limit=1_000)
        return [json.loads(record.data)["text"] for record in page.records]

    def search_texts(self, query: str) -> list[str]:
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


def all_finished(rows: Sequence[BatchRow]) -> bool:
    """Whether nothing is to be done any more."""
    return all(row.status in {BatchStatus.COMPLETE, BatchStatus.FAILED} for row in rows)
