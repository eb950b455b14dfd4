"""Errors of ingest requests, as responses."""

import msgspec

from everlake.contract.batches import Receipt
from everlake.contract.errors import ErrorCode, WireError


def unknown_product() -> WireError:
    """Return the error for a ``_product_id`` that names no product of the workspace."""
    return WireError(
        ErrorCode.UNKNOWN_PRODUCT,
        "_product_id does not name a product of this key's workspace: "
        "GET /api/v1/products lists them.",
    )


def idempotency_key_reused() -> WireError:
    """Return the error for an ``Idempotency-Key`` that was used with another body."""
    return WireError(
        ErrorCode.IDEMPOTENCY_KEY_REUSED,
        "This Idempotency-Key was used with another body: use a new key for new records.",
    )


def all_records_rejected(receipt: Receipt) -> WireError:
    """Return the error for a request of which no record was accepted.

    Args:
        receipt: counts and errors of the batch, which become the error's details.
    """
    details: dict[str, object] = {
        "batchId": receipt.batchId,
        "rejectedCount": receipt.rejectedCount,
        "totalErrorCount": receipt.totalErrorCount,
        "errors": msgspec.to_builtins(receipt.errors),
    }
    return WireError(
        ErrorCode.ALL_RECORDS_REJECTED,
        "Every record was rejected: details.errors says why. The batch is kept as FAILED.",
        details=details,
    )
