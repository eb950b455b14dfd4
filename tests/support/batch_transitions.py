"""Moves batches through their statuses by hand, as a worker does."""

from everlake.catalog import batch_queue
from everlake.catalog.database import Catalog, Connection
from everlake.contract.batches import BatchStatus
from tests.support.server import ApiClient

_WAITS_IN = {
    BatchStatus.LANDED: BatchStatus.LANDING,
    BatchStatus.PROCESSING: BatchStatus.LANDED,
    BatchStatus.COMPLETE: BatchStatus.LANDED,
}


def advance_batch(catalog: Catalog, api: ApiClient, *steps: BatchStatus) -> None:
    """Take the oldest batch of the workspace through ``steps``, in one transaction."""
    now = catalog.now_ms()
    with catalog.transaction() as tx:
        for to in steps:
            batch_id = _claim(tx, api.setup["workspace_id"], _WAITS_IN[to], now)
            if to is BatchStatus.PROCESSING:
                assert batch_queue.release(tx, [batch_id], owner="test", now=now) == 1
            else:
                assert batch_queue.advance(tx, [batch_id], owner="test", to=to, now=now) == 1


def fail_batch(catalog: Catalog, api: ApiClient, status: BatchStatus = BatchStatus.LANDING) -> None:
    """Fail the oldest batch of the workspace that waits in ``status``."""
    now = catalog.now_ms()
    with catalog.transaction() as tx:
        batch_id = _claim(tx, api.setup["workspace_id"], status, now)
        failed = batch_queue.fail(tx, [batch_id], owner="test", now=now, reason="for the test")
        assert failed == 1


def _claim(tx: Connection, workspace_id: str, status: BatchStatus, now: int) -> str:
    [batch] = batch_queue.claim(
        tx,
        status=status,
        to=None if status is BatchStatus.LANDING else BatchStatus.PROCESSING,
        owner="test",
        now=now,
        lease_ms=60_000,
        max_batches=1,
        max_records=1_000,
        max_bytes=1 << 30,
        workspace_id=workspace_id,
    )
    return batch.id
