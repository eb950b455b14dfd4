"""A judged batch on its way in, its commit, and what became of it."""

import asyncio
from collections.abc import Sequence

import msgspec

from everlake.catalog.batch_insertion import BatchInsertion, insert_batches
from everlake.catalog.batches import NewBatch
from everlake.catalog.database import Catalog
from everlake.catalog.idempotency import IdempotentResponse
from everlake.contract.errors import ErrorCode, WireError


class IdempotencyClaim(msgspec.Struct, frozen=True):
    """A request's ``Idempotency-Key`` and the SHA-256 of its body."""

    key: str
    body_hash: bytes


class ValidatedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A judged batch on its way in.

    ``lines`` are the accepted records, not yet compressed; ``refused`` is compressed.
    ``receipt`` is the answer's body. Only a claim that is given is remembered.
    """

    row: NewBatch
    lines: bytes
    rejected_object: bytes | None
    receipt: bytes
    claim: IdempotencyClaim | None


class IngestResult(msgspec.Struct, frozen=True):
    """The answer's body, and whether it is that of an earlier request."""

    receipt: bytes
    replayed: bool


CommitOutcome = IngestResult | WireError


class PendingCommit(msgspec.Struct, frozen=True):
    """An admission, and who waits for it in an event loop.

    ``until`` is when its turn must have come, on the monotonic clock.
    """

    batch: ValidatedBatch
    future: asyncio.Future[IngestResult]
    loop: asyncio.AbstractEventLoop
    deadline: float


def idempotency_key_reused() -> WireError:
    """The 400 for an idempotency key that came before with another body."""
    return WireError(
        ErrorCode.IDEMPOTENCY_KEY_REUSED,
        "This Idempotency-Key was used for another body: use a new key for new records.",
    )


def commit_batches(
    catalog: Catalog, batches: Sequence[ValidatedBatch], lock_timeout: float
) -> list[CommitOutcome]:
    """Store the rows of admissions whose objects are stored, and say what became of each.

    Raises:
        CatalogUnavailable: see :func:`everlake.catalog.batch_insertion.insert_batches`.
    """
    arrivals = [BatchInsertion(one.row, _stored_response(one)) for one in batches]
    known = insert_batches(catalog, arrivals, lock_timeout)
    return [_to_outcome(one, earlier) for one, earlier in zip(batches, known, strict=True)]


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
    """The answer; or what to say where its key came first elsewhere."""
    if earlier is None:
        return IngestResult(batch.receipt, replayed=False)
    if batch.claim is None or earlier.body_hash != batch.claim.body_hash:
        return idempotency_key_reused()
    return IngestResult(earlier.response, replayed=True)
