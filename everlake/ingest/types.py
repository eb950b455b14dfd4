"""Types of a request on its way to a committed batch."""

import asyncio

import msgspec

from everlake.contract.batches import PayloadFormat
from everlake.contract.errors import WireError
from everlake.contract.media_types import MediaType
from everlake.identity.types import Principal
from everlake.model.batches import NewBatch


class IngestRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request after steps 1 to 3 of the contract's order: ``body`` is decompressed."""

    principal: Principal
    body: bytes
    media_type: MediaType
    payload_format: PayloadFormat | None = None
    idempotency_key: str | None = None
    dry_run: bool = False


class IngestResult(msgspec.Struct, frozen=True):
    """Response to a request.

    ``receipt`` is its body as JSON. ``replayed`` is true where it repeats the response to an
    earlier request with the same ``Idempotency-Key``.
    """

    receipt: bytes
    replayed: bool


class IdempotencyClaim(msgspec.Struct, frozen=True):
    """``Idempotency-Key`` of a request, with the SHA-256 of its body."""

    key: str
    body_hash: bytes


class ValidatedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Batch that is ready to be committed.

    Attributes:
        row: of the catalog.
        lines: accepted records as lines of the archive, not compressed.
        rejected_object: archive object of the rejected records, compressed; None if there are none.
        receipt: response body.
        claim: stored with the response, for replays; None for no replays.
    """

    row: NewBatch
    lines: bytes
    rejected_object: bytes | None
    receipt: bytes
    claim: IdempotencyClaim | None


CommitOutcome = IngestResult | WireError


class PendingCommit(msgspec.Struct, frozen=True):
    """Batch that waits for its commit, and the future that gets the outcome.

    ``deadline`` is the time on the monotonic clock by which the commit has to begin.
    """

    batch: ValidatedBatch
    future: asyncio.Future[IngestResult]
    loop: asyncio.AbstractEventLoop
    deadline: float
