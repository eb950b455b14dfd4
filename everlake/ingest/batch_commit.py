"""Commit of batches whose archive objects are stored: one transaction for all of them."""

from collections.abc import Sequence

from everlake.catalog.batch_insertion import BatchInsertion, insert_batches
from everlake.catalog.database import Catalog
from everlake.catalog.idempotency import IdempotentResponse
from everlake.ingest.errors import idempotency_key_reused
from everlake.ingest.types import CommitOutcome, IngestResult, ValidatedBatch


def commit_batches(
    catalog: Catalog, batches: Sequence[ValidatedBatch], lock_timeout: float
) -> list[CommitOutcome]:
    """Insert the rows of the batches, and return the outcome of each.

    Args:
        catalog: takes the rows.
        batches: their archive objects must be stored.
        lock_timeout: longest wait for each lock, in seconds.

    Raises:
        CatalogUnavailable: see :func:`everlake.catalog.batch_insertion.insert_batches`.
    """
    insertions = [BatchInsertion(batch.row, _stored_response(batch)) for batch in batches]
    earlier_responses = insert_batches(catalog, insertions, lock_timeout)
    return [
        _to_outcome(batch, earlier)
        for batch, earlier in zip(batches, earlier_responses, strict=True)
    ]


def _stored_response(batch: ValidatedBatch) -> IdempotentResponse | None:
    if batch.claim is None:
        return None
    return IdempotentResponse(
        key=batch.claim.key,
        body_hash=batch.claim.body_hash,
        response=batch.receipt,
        batch_id=batch.row.id,
        created_at=batch.row.created_at,
    )


def _to_outcome(batch: ValidatedBatch, earlier: IdempotentResponse | None) -> CommitOutcome:
    if earlier is None:
        return IngestResult(batch.receipt, replayed=False)
    if batch.claim is None or earlier.body_hash != batch.claim.body_hash:
        return idempotency_key_reused()
    return IngestResult(earlier.response, replayed=True)
