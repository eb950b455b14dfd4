"""A judged batch on its way in, its commit, and what became of it."""

import asyncio
from collections.abc import Sequence

import msgspec

from everlake.catalog.admission import Arrival, admit
from everlake.catalog.batches import NewBatch
from everlake.catalog.engine import Catalog
from everlake.catalog.idempotency import Remembered
from everlake.contract.errors import ErrorCode, WireError


class IdempotencyClaim(msgspec.Struct, frozen=True):
    """A request's ``Idempotency-Key`` and the SHA-256 of its body."""

    key: str
    body_hash: bytes


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """A judged batch on its way in.

    ``lines`` are the accepted records, not yet compressed; ``refused`` is compressed.
    ``receipt`` is the answer's body. Only a claim that is given is remembered.
    """

    batch: NewBatch
    lines: bytes
    refused: bytes | None
    receipt: bytes
    claim: IdempotencyClaim | None


class Admitted(msgspec.Struct, frozen=True):
    """The answer's body, and whether it is that of an earlier request."""

    receipt: bytes
    replayed: bool


Outcome = Admitted | WireError


class Waiting(msgspec.Struct, frozen=True):
    """An admission, and who waits for it in an event loop.

    ``until`` is when its turn must have come, on the monotonic clock.
    """

    admission: Admission
    future: asyncio.Future[Admitted]
    loop: asyncio.AbstractEventLoop
    until: float


def key_reused() -> WireError:
    """The 400 for an idempotency key that came before with another body."""
    return WireError(
        ErrorCode.IDEMPOTENCY_KEY_REUSED,
        "This Idempotency-Key was used for another body: use a new key for new records.",
    )


def commit(catalog: Catalog, admissions: Sequence[Admission], lock_seconds: float) -> list[Outcome]:
    """Store the rows of admissions whose objects are stored, and say what became of each.

    Raises:
        CatalogUnavailable: see :func:`everlake.catalog.admission.admit`.
    """
    arrivals = [Arrival(one.batch, _answer(one)) for one in admissions]
    known = admit(catalog, arrivals, lock_seconds)
    return [_outcome(one, earlier) for one, earlier in zip(admissions, known, strict=True)]


def _answer(admission: Admission) -> Remembered | None:
    if admission.claim is None:
        return None
    return Remembered(
        key=admission.claim.key,
        body_hash=admission.claim.body_hash,
        response=admission.receipt,
        batch_id=admission.batch.id,
        created_at=admission.batch.created_at,
    )


def _outcome(admission: Admission, earlier: Remembered | None) -> Outcome:
    """The answer; or what to say where its key came first elsewhere."""
    if earlier is None:
        return Admitted(admission.receipt, replayed=False)
    if admission.claim is None or earlier.body_hash != admission.claim.body_hash:
        return key_reused()
    return Admitted(earlier.response, replayed=True)
