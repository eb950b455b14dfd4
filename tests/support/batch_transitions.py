"""Moving a batch by hand, as a worker does."""

import time

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
    with catalog.transaction() as tx:
        for to in steps:
            _move(tx, api.setup["workspace_id"], to)


def fail_batch(catalog: Catalog, api: ApiClient, status: BatchStatus = BatchStatus.LANDING) -> None:
    """Give up the oldest batch of the workspace that waits in ``status``."""
    with catalog.transaction() as tx:
        batch_id = _claim(tx, api.setup["workspace_id"], status)
        assert (
            batch_queue.fail(tx, [batch_id], owner="test", now=_now(), reason="for the test") == 1
        )


def _move(tx: Connection, workspace_id: str, to: BatchStatus) -> None:
    batch_id = _claim(tx, workspace_id, _WAITS_IN[to])
    if to is BatchStatus.PROCESSING:
        assert batch_queue.release(tx, [batch_id], owner="test", now=_now()) == 1
    else:
        assert batch_queue.advance(tx, [batch_id], owner="test", to=to, now=_now()) == 1


def _claim(tx: Connection, workspace_id: str, status: BatchStatus) -> str:
    [batch] = batch_queue.claim(
        tx,
        status=status,
        to=None if status is BatchStatus.LANDING else BatchStatus.PROCESSING,
        owner="test",
        now=_now(),
        lease_ms=60_000,
        max_batches=1,
        max_records=1_000,
        max_bytes=1 << 30,
        workspace_id=workspace_id,
    )
    return batch.id


def _now() -> int:
    return time.time_ns() // 1_000_000
