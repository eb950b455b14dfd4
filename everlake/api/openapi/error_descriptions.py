"""Texts of error codes: what each means, and what to do."""

from collections.abc import Mapping

from everlake.contract.errors import ErrorCode, RecordErrorCode, status_of

ERROR_DESCRIPTIONS: Mapping[ErrorCode, str] = {
    ErrorCode.INVALID_JSON: "the body is not JSON in UTF-8; send what a JSON encoder makes",
    ErrorCode.INVALID_BODY: (
        "the body is neither a record, an array of records nor a records wrapper without other "
        "members, or it does not decompress; send one of the three. For an upload: the "
        "members or the bytes are not those expected; the message says which"
    ),
    ErrorCode.EMPTY_BATCH: "there is no record in the body; send at least one",
    ErrorCode.TOO_MANY_RECORDS: (
        "there are more records than one request may have; send several requests"
    ),
    ErrorCode.MIXED_BATCH: (
        "records with a valid `_type` and `_product_id` differ in one of them; "
        "send one request for each pair"
    ),
    ErrorCode.UNKNOWN_PRODUCT: (
        "`_product_id` is not a product of the key's workspace; take an id from `/api/v1/products`"
    ),
    ErrorCode.ALL_RECORDS_REJECTED: (
        "no record was accepted; `details.errors` says why, and the batch is kept as FAILED"
    ),
    ErrorCode.IDEMPOTENCY_KEY_REUSED: (
        "the key was used with another body before; take a new key for a new body"
    ),
    ErrorCode.INVALID_PARAMETER: (
        "a query parameter or header breaks its rule; the message names it and the rule"
    ),
    ErrorCode.UNAUTHORIZED: (
        "the key is missing, malformed, unknown or revoked; send a live key in `x-api-key`"
    ),
    ErrorCode.FORBIDDEN: "the key lacks the permission; use a key that has it",
    ErrorCode.NOT_FOUND: (
        "there is no such resource in the key's workspace; check the id and the path"
    ),
    ErrorCode.METHOD_NOT_ALLOWED: (
        "the path does not support this method; the `Allow` header lists its methods"
    ),
    ErrorCode.PAYLOAD_TOO_LARGE: (
        "the body is too large once decompressed, so split the records; or a file is larger than "
        "allowed, or than announced"
    ),
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: (
        "the content type or the content encoding is not accepted; send JSON or NDJSON in UTF-8, "
        "plain, gzip or zstd"
    ),
    ErrorCode.RANGE_NOT_SATISFIABLE: (
        "no byte of the content is in `Range`; `Content-Range` says how many there are"
    ),
    ErrorCode.RATE_LIMITED: (
        "the key exceeds its request rate, or the workspace another of its limits, which the "
        "message names; wait for `Retry-After` seconds, then send again"
    ),
    ErrorCode.INTERNAL_ERROR: (
        "a fault of the server; try again with the same `Idempotency-Key`, and report the request "
        "id if it persists"
    ),
    ErrorCode.UNAVAILABLE: (
        "the storage or the database is unavailable or full; wait for `Retry-After` seconds, then "
        "send again with the same `Idempotency-Key`"
    ),
}

RECORD_ERROR_DESCRIPTIONS: Mapping[RecordErrorCode, str] = {
    RecordErrorCode.VALIDATION_ERROR: (
        "a member breaks a rule; the message names the member and the rule"
    ),
    RecordErrorCode.INVALID_JSON: "an NDJSON line is not JSON",
    RecordErrorCode.UNKNOWN_PROJECT: "a project id is not a project of the record's product",
    RecordErrorCode.TOO_MANY_ATTACHMENTS: (
        "the record, or the batch with it, has more attachments than are allowed"
    ),
    RecordErrorCode.UNKNOWN_UPLOAD: (
        "an `upload_intent_id` is not an upload of the workspace; announce the file and send it "
        "first"
    ),
    RecordErrorCode.UPLOAD_INCOMPLETE: (
        "an upload is incomplete; send what is missing, and then the record"
    ),
    RecordErrorCode.UPLOAD_EXPIRED: (
        "an upload expired before a record named it; announce the file and send it again"
    ),
}


def codes_of(status: int) -> list[ErrorCode]:
    """Return the error codes of an HTTP status, in the order of the contract's table."""
    return [code for code in ErrorCode if status_of(code) == status]
