"""Operations on batches: listing, following and retrying them."""

import time
from collections.abc import Collection, Iterator

import msgspec

from everlake.catalog import batch_queue, batches
from everlake.catalog.batch_events import BatchEvent, EventId, events_since
from everlake.catalog.database import Catalog
from everlake.contract.batches import BatchStatus
from everlake.identity.activity import find_active
from everlake.identity.types import Principal
from everlake.model.batches import BatchRow
from everlake.operations.errors import NothingToRetry, ResourceNotFound
from everlake.operations.types import Page, cut_page

POLL_SECONDS = 0.1
"""Between two reads of the catalog's change counter."""


class BatchFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Conditions on batches, all of which must hold."""

    status: BatchStatus | None = None
    type: str | None = None
    source: str | None = None


class BatchRetry(msgspec.Struct, frozen=True):
    """A batch after it was to be retried; ``resumed`` tells whether it had failed."""

    batch: BatchRow
    resumed: bool


def list_batches(
    catalog: Catalog,
    workspace_id: str,
    *,
    limit: int,
    before: str | None = None,
    filters: BatchFilters = BatchFilters(),  # noqa: B008  (frozen)
) -> Page[BatchRow]:
    """Return a page of batches, newest first.

    Args:
        limit: size of the page.
        before: id of the last batch of the page before.
        filters: which batches.
    """
    with catalog.snapshot() as tx:
        rows = batches.page(
            tx,
            workspace_id,
            limit=limit + 1,
            before=before,
            status=filters.status,
            type=filters.type,
            source=filters.source,
        )
    return cut_page(rows, limit)


def get_batch(catalog: Catalog, workspace_id: str, batch_id: str) -> BatchRow:
    """Return a batch.

    Raises:
        ResourceNotFound: the workspace has no such batch.
    """
    with catalog.snapshot() as tx:
        row = batches.get(tx, workspace_id, batch_id)
    if row is None:
        raise ResourceNotFound("batch", batch_id)
    return row


def retry_batch(catalog: Catalog, workspace_id: str, batch_id: str) -> BatchRetry:
    """Resume a failed batch at the stage that failed; leave a batch in another status as it is.

    So a client that repeats the request, because the response was lost, gets the same response.

    Raises:
        ResourceNotFound: the workspace has no such batch.
        NothingToRetry: all of its records were rejected.
    """
    batch = get_batch(catalog, workspace_id, batch_id)
    if batch.status is not BatchStatus.FAILED:
        return BatchRetry(batch, resumed=False)
    if not batch.accepted:
        raise NothingToRetry(batch)
    with catalog.transaction() as tx:
        resumed = batch_queue.retry_failed(tx, workspace_id, batch_id, now=catalog.now_ms())
    return BatchRetry(get_batch(catalog, workspace_id, batch_id), resumed)


def follow_batch(catalog: Catalog, workspace_id: str, batch_id: str) -> Iterator[BatchEvent]:
    """Yield the batch as it is, then each of its changes, until it is settled.

    A batch is settled when it is ``FAILED``, or ``COMPLETE`` and no attachment is left to fetch.

    Raises:
        ResourceNotFound: the workspace has no such batch.
    """
    last: EventId | None = None
    while True:
        counter = catalog.change_counter()
        batch = get_batch(catalog, workspace_id, batch_id)
        for event in events_since(batch, last):
            last = event.event_id
            yield event
        if batch.is_settled:
            return
        while catalog.change_counter() == counter:
            time.sleep(POLL_SECONDS)


def read_followed(
    catalog: Catalog, batch_ids: Collection[str], principals: Collection[Principal]
) -> tuple[dict[str, BatchRow], set[Principal]]:
    """Return the batches with these ids, of any workspace, and the principals that are still valid.

    One snapshot for all event streams of an API process.
    """
    with catalog.snapshot() as tx:
        return batches.get_many(tx, batch_ids), find_active(tx, principals)
