"""Catalog fixture: a workspace with a product, a project and a key, and batches for it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from everlake.catalog import api_keys, batches, products, projects, workspaces
from everlake.catalog.database import Catalog
from everlake.clock import now_ms
from everlake.contract.batches import BatchStatus
from everlake.contract.ids import new_batch_id

T = TypeVar("T")


@dataclass(frozen=True)
class CatalogFixture:
    catalog: Catalog
    workspace_id: str
    key_id: str

    def new_batch(self, **changes: Any) -> batches.NewBatch:
        values: dict[str, Any] = {
            "id": new_batch_id(),
            "workspace_id": self.workspace_id,
            "status": BatchStatus.LANDING,
            "created_at": now_ms(),
            "key_id": self.key_id,
            "source": "api",
            "type": "email",
            "product_id": "prod",
            "accepted": 10,
            "rejected": 0,
            "total_errors": 0,
            "landing_path": "landing/x.ndjson.zst",
            "landing_bytes": 1_000,
        }
        return batches.NewBatch(**{**values, **changes})

    def insert(self, count: int = 1, **changes: Any) -> list[str]:
        """Insert batches, and return their ids in the order of their sequences."""
        new = [self.new_batch(**changes) for _ in range(count)]
        with self.catalog.transaction() as tx:
            numbers = workspaces.next_sequences(tx, self.workspace_id, count)
            batches.insert(tx, list(zip(new, numbers, strict=True)))
        return [batch.id for batch in new]

    def batch(self, batch_id: str) -> batches.BatchRow:
        with self.catalog.snapshot() as tx:
            row = batches.get(tx, self.workspace_id, batch_id)
        assert row is not None
        return row


def catalog_fixture(catalog: Catalog) -> CatalogFixture:
    with catalog.transaction() as tx:
        workspace_id = workspaces.create(tx, name="Acme").id
        products.create(tx, workspace_id, product_id="prod")
        projects.create(tx, workspace_id, "prod", project_id="proj")
        key, _ = api_keys.create(
            tx, workspace_id, label="first", permissions=["api:write"], max_live=10
        )
    return CatalogFixture(catalog, workspace_id, key.id)


def run_concurrently(count: int, action: Callable[[int], T]) -> list[T]:
    """Return the results of ``action(0)``, ``action(1)``, ..., in threads that start together."""
    start = threading.Barrier(count)
    results: dict[int, T] = {}
    errors: list[BaseException] = []

    def run(number: int) -> None:
        start.wait()
        try:
            results[number] = action(number)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the test's thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[n] for n in range(count)]
