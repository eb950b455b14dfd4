"""Receipt and batch of a validated request."""

import msgspec
from msgspec import UNSET

from everlake import tracing
from everlake.contract.batches import BatchStatus, Receipt
from everlake.contract.ids import batch_id_time
from everlake.ingest.types import IdempotencyClaim, IngestRequest, ValidatedBatch
from everlake.ingest.validation import ValidationResult
from everlake.landing.paths import landing_paths
from everlake.model.batches import NewBatch

_encode = msgspec.json.Encoder().encode


def build_receipt(result: ValidationResult, batch_id: str | None) -> Receipt:
    """Return the counts and errors of a request; ``batch_id`` is None for a dry run."""
    return Receipt(
        acceptedCount=result.accepted,
        rejectedCount=result.rejected,
        totalErrorCount=result.total_errors,
        batchId=UNSET if batch_id is None else batch_id,
        errors=result.errors or UNSET,
    )


def build_batch(
    batch_id: str,
    request: IngestRequest,
    result: ValidationResult,
    claim: IdempotencyClaim | None,
) -> ValidatedBatch:
    """Return the batch to commit.

    Args:
        batch_id: a new one.
        request: where the batch comes from.
        result: its records.
        claim: kept only where a record is accepted: a request that is rejected can be corrected
            and sent again under the same key.
    """
    return ValidatedBatch(
        row=_new_batch(batch_id, request, result),
        lines=result.lines,
        rejected_object=result.rejected_object,
        receipt=_encode(build_receipt(result, batch_id)),
        claim=claim if result.accepted else None,
    )


def _new_batch(batch_id: str, request: IngestRequest, result: ValidationResult) -> NewBatch:
    created_at = batch_id_time(batch_id)
    principal = request.principal
    paths = landing_paths(
        principal.workspace_id, principal.source, result.record_type, batch_id, created_at
    )
    return NewBatch(
        id=batch_id,
        workspace_id=principal.workspace_id,
        status=BatchStatus.LANDING if result.accepted else BatchStatus.FAILED,
        created_at=created_at,
        key_id=principal.api_key_id,
        source=principal.source,
        type=result.record_type,
        product_id=result.product_id,
        payload_format=request.payload_format,
        accepted=result.accepted,
        rejected=result.rejected,
        total_errors=result.total_errors,
        errors=result.errors,
        landing_path=paths.accepted if result.accepted else None,
        landing_bytes=len(result.lines),
        rejected_path=paths.rejected if result.rejected_object is not None else None,
        attachment_total=result.attachments,
        failure=None if result.accepted else "every record was rejected",
        traceparent=tracing.traceparent(),
    )
