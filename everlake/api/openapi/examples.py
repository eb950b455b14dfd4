"""Examples: records of a fictional customer, Northwind, who cannot export a report."""

import json
from collections.abc import Mapping
from typing import Any

PRODUCT_ID = "prod_atlas"
PROJECT_ID = "proj_reporting"
BATCH_ID = "0198c5a2-7c1e-7d43-9b57-3f2a61c0d8e4"
RECORD_ID = "9f3c5e0a7b1d42688d0e4c6f2a91b753"
REQUEST_ID = "0198c5a2-7c1b-7a0f-8e21-54c9d1b6a370"
CURSOR = "WzE3NjE1NTgxMjM0MDVd"
CREATED_AT = 1_761_558_123_405

RECORD: dict[str, Any] = {
    "_type": "email",
    "_schema_version": "1.0.0",
    "_event_at": "2025-10-27T09:41:58Z",
    "_vendor_ids": {"message_id": "<7741@mail.northwind.example>"},
    "_product_id": PRODUCT_ID,
    "_project_ids": [PROJECT_ID],
    "_participants": [
        {"id": "c-118", "role": "external", "name": "Ana Ruiz", "email": "ana@northwind.example"}
    ],
    "_tags": ["export"],
    "data": {
        "subject": "Export stops at page 40",
        "body": "Hello, our monthly report has 62 pages, but the PDF export stops at page 40.",
    },
}
MINIMAL_RECORD: dict[str, Any] = {
    "_type": "email",
    "_schema_version": "1.0.0",
    "_event_at": "2025-10-27T10:05:00Z",
    "_vendor_ids": {"message_id": "<7742@mail.northwind.example>"},
    "_product_id": PRODUCT_ID,
    "_project_ids": [PROJECT_ID],
    "data": {"subject": "Re: Export stops at page 40", "body": "Exporting to CSV works, thanks."},
}

RECORD_ERROR: dict[str, Any] = {
    "index": 1,
    "code": "VALIDATION_ERROR",
    "message": "_participants[0].role: must be internal, external or unknown",
}

RECEIPT: dict[str, Any] = {
    "batchId": BATCH_ID,
    "acceptedCount": 2,
    "rejectedCount": 0,
    "totalErrorCount": 0,
}
PARTIAL_RECEIPT: dict[str, Any] = {
    "batchId": BATCH_ID,
    "acceptedCount": 1,
    "rejectedCount": 1,
    "totalErrorCount": 1,
    "errors": [RECORD_ERROR],
}
DRY_RUN_RECEIPT: dict[str, Any] = {
    "acceptedCount": 1,
    "rejectedCount": 1,
    "totalErrorCount": 1,
    "errors": [RECORD_ERROR],
}
BATCH: dict[str, Any] = {
    "batchId": BATCH_ID,
    "status": "COMPLETE",
    "createdAt": CREATED_AT,
    "acceptedCount": 2,
    "rejectedCount": 0,
    "totalErrorCount": 0,
    "source": "api",
    "type": "email",
}
BATCH_PAGE: dict[str, Any] = {"batches": [BATCH], "nextCursor": None}

RETRIED_BATCH: dict[str, Any] = {**BATCH, "status": "LANDED"}
BATCH_EVENT: dict[str, Any] = {
    "id": "COMPLETE-0-0",
    "event": "batch",
    "data": json.dumps(BATCH, separators=(",", ":")),
}
REFUSED_PAGE: dict[str, Any] = {
    "errors": [
        {
            "index": RECORD_ERROR["index"],
            "errors": [{name: RECORD_ERROR[name] for name in ("code", "message")}],
            "payload": json.dumps({**RECORD, "_participants": [{"id": "c-118", "role": "guest"}]}),
        }
    ],
    "nextCursor": None,
}

STORED_RECORD: dict[str, Any] = {
    **RECORD,
    "recordId": RECORD_ID,
    "version": 1_048_576,
    "batchId": BATCH_ID,
    "source": "api",
    "ingestedAt": CREATED_AT,
}
RECORD_DETAIL: dict[str, Any] = {**STORED_RECORD, "batchIds": [BATCH_ID]}
RECORD_PAGE: dict[str, Any] = {"records": [STORED_RECORD], "nextCursor": CURSOR}

ATTACHMENT_ID = f"{BATCH_ID}-0-0"
BATCH_ATTACHMENT: dict[str, Any] = {
    "attachmentId": ATTACHMENT_ID,
    "batchId": BATCH_ID,
    "recordId": RECORD_ID,
    "index": 0,
    "type": "file",
    "status": "COMPLETE",
    "attempts": 0,
    "filename": "report.pdf",
    "statedSize": 48_211,
    "size": 48_211,
    "mimeType": "application/pdf",
    "sha256": "5f0c3a0e6a0b5d0d3ad2f7c0a3b0f6a1c1d7de7f5c0e2b4a8897a6b5c4d3e2f1",
    "completedAt": CREATED_AT + 900,
    "text": {"status": "COMPLETE"},
}
FAILED_ATTACHMENT: dict[str, Any] = {
    "attachmentId": f"{BATCH_ID}-1-0",
    "batchId": BATCH_ID,
    "recordId": RECORD_ID,
    "index": 0,
    "type": "image",
    "status": "FAILED",
    "attempts": 1,
    "filename": "screen.png",
    "error": {
        "code": "HTTP_STATUS",
        "message": (
            "The server of the URL answered 404: check that the URL still leads to the file."
        ),
    },
}
ATTACHMENT_PAGE: dict[str, Any] = {
    "attachments": [BATCH_ATTACHMENT, FAILED_ATTACHMENT],
    "nextCursor": None,
}
UPLOAD_ID = "upl_Jx3Tn0qkYB1tq8oRZc5mW7dLhVf2EsGa"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_UPLOAD_URL = f"/api/v1/uploads/{UPLOAD_ID}"
_UPLOAD_HEADERS = {"Content-Type": "application/octet-stream"}
UPLOAD_REQUEST: dict[str, Any] = {
    "filename": "call.mp3",
    "size": 12_582_912,
    "mime_type": "audio/mpeg",
    "sha256": SHA256,
}
UPLOAD_COMPLETE: dict[str, Any] = {
    "upload_intent_id": UPLOAD_ID,
    "status": "COMPLETE",
    "expiresAt": CREATED_AT + 86_400_000,
    "size": 12_582_912,
    "partSize": 8_388_608,
    "receivedBytes": 12_582_912,
}
UPLOAD: dict[str, Any] = {
    **UPLOAD_COMPLETE,
    "status": "PENDING",
    "receivedBytes": 0,
    "whole": {"method": "PUT", "url": _UPLOAD_URL, "headers": _UPLOAD_HEADERS},
    "parts": [
        {
            "number": number,
            "size": size,
            "method": "PUT",
            "url": f"{_UPLOAD_URL}/parts/{number}",
            "headers": _UPLOAD_HEADERS,
        }
        for number, size in ((1, 8_388_608), (2, 4_194_304))
    ],
}
UPLOAD_UNDER_WAY: dict[str, Any] = {
    **UPLOAD,
    "receivedBytes": 8_388_608,
    "parts": UPLOAD["parts"][1:],
}
ATTACHMENTS_RETRIED: dict[str, Any] = {"retried": 1, "textsRetried": 0}

SEARCH_RESULT: dict[str, Any] = {
    "recordId": RECORD_ID,
    "version": 1_048_576,
    "batchId": BATCH_ID,
    "type": "email",
    "source": "api",
    "eventAt": "2025-10-27T09:41:58Z",
    "score": 7.31,
    "speaker": "Ana Ruiz",
    "role": "external",
    "ordinal": 1,
    "text": "Hello, our monthly report has 62 pages, but the PDF export stops at page 40.",
    "passage": "our monthly report has 62 pages, but the PDF export stops at page 40.",
    "highlights": [[45, 51]],
}
SEARCH_PAGE: dict[str, Any] = {"results": [SEARCH_RESULT], "nextCursor": None}

PRODUCT_PAGE: dict[str, Any] = {
    "products": [{"id": PRODUCT_ID, "name": "Atlas", "createdAt": CREATED_AT}],
    "nextCursor": None,
}
PROJECT_PAGE: dict[str, Any] = {
    "projects": [
        {
            "id": PROJECT_ID,
            "productId": PRODUCT_ID,
            "name": "Reporting",
            "createdAt": CREATED_AT,
        }
    ],
    "nextCursor": None,
}

ERROR_MESSAGES: dict[str, str] = {
    "INVALID_JSON": "The body is not valid JSON: expected a value at byte 118.",
    "INVALID_BODY": 'Send one record, an array of records, or {"records": [...]} and nothing else.',
    "EMPTY_BATCH": "There is no record in the body: send at least one.",
    "TOO_MANY_RECORDS": "There are 1,200 records in the body, at most 1,000 are taken: split them.",
    "MIXED_BATCH": "All records of a request must have the same _type: found call and email.",
    "UNKNOWN_PRODUCT": "_product_id: there is no product prod_atals in this workspace.",
    "ALL_RECORDS_REJECTED": "None of the 2 records was accepted: see details.errors.",
    "IDEMPOTENCY_KEY_REUSED": "This Idempotency-Key came with another body before: take a new one.",
    "INVALID_PARAMETER": "limit must be a whole number from 1 to 100.",
    "UNAUTHORIZED": "Send a live API key in the x-api-key header.",
    "FORBIDDEN": "This key lacks the permission api:write.",
    "NOT_FOUND": "There is no such batch in this workspace.",
    "METHOD_NOT_ALLOWED": "This path does not support DELETE: see the Allow header.",
    "PAYLOAD_TOO_LARGE": (
        "The body is larger than 5,242,880 bytes after decompression: send it in several requests."
    ),
    "UNSUPPORTED_MEDIA_TYPE": "Content-Type must be application/json or application/x-ndjson.",
    "RANGE_NOT_SATISFIABLE": ("The content has 1,024 bytes, and none of them is in this Range."),
    "RATE_LIMITED": "Too many requests with this key: wait 1 second.",
    "INTERNAL_ERROR": f"Something failed on our side. Report request {REQUEST_ID} if it stays.",
    "UNAVAILABLE": "The storage is full, and nothing was stored. Try again later.",
}
"""A message for each error code of a response."""

ERROR_EXTRAS: dict[str, dict[str, Any]] = {
    "RATE_LIMITED": {"retryAfter": 1},
    "ALL_RECORDS_REJECTED": {
        "details": {
            "batchId": BATCH_ID,
            "rejectedCount": 2,
            "totalErrorCount": 2,
            "errors": [{**RECORD_ERROR, "index": 0}, RECORD_ERROR],
        }
    },
}
"""Members of an error body besides ``error`` and ``message``, by code."""


def error_body(code: str) -> dict[str, Any]:
    """Return an error body with ``code``."""
    return {"error": code, "message": ERROR_MESSAGES[code], **ERROR_EXTRAS.get(code, {})}


HEALTH: dict[str, Any] = {"status": "ok"}
METRICS = """\
# HELP everlake_records_accepted_total Records accepted.
# TYPE everlake_records_accepted_total counter
everlake_records_accepted_total 1204.0
"""

PARAMETER_EXAMPLES: Mapping[str, str | int] = {
    "batchId": BATCH_ID,
    "recordId": RECORD_ID,
    "attachmentId": ATTACHMENT_ID,
    "uploadId": UPLOAD_ID,
    "partNumber": 1,
    "q": "export stops",
}
"""Examples of required parameters."""

_TWO_RECORDS = [RECORD, MINIMAL_RECORD]
_LINES = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in _TWO_RECORDS)
REQUEST_EXAMPLES: Mapping[str, dict[str, Any]] = {
    "ingest": {
        "record": {"summary": "One record", "value": RECORD},
        "array": {"summary": "An array of records", "value": _TWO_RECORDS},
        "wrapper": {"summary": "A wrapper", "value": {"records": _TWO_RECORDS}},
    },
    "lines": {"lines": {"summary": "Two lines", "value": _LINES}},
    "createUpload": {"file": {"value": UPLOAD_REQUEST}},
}
"""Examples of request bodies by ``operationId``; ``lines`` are those of NDJSON."""

RESPONSE_EXAMPLES: Mapping[tuple[str, int], dict[str, Any]] = {
    ("ingest", 200): {"dry run": DRY_RUN_RECEIPT},
    ("ingest", 202): {"accepted": RECEIPT, "partly accepted": PARTIAL_RECEIPT},
    ("listBatches", 200): {"page": BATCH_PAGE},
    ("getBatch", 200): {"batch": BATCH},
    ("listBatchErrors", 200): {"page": REFUSED_PAGE},
    ("watchBatch", 200): {"change": BATCH_EVENT},
    ("retryBatch", 200): {"batch": RETRIED_BATCH},
    ("createUpload", 201): {"upload": UPLOAD},
    ("getUpload", 200): {"upload": UPLOAD_UNDER_WAY},
    ("putUpload", 200): {"complete": UPLOAD_COMPLETE},
    ("putUploadPart", 200): {"complete": UPLOAD_COMPLETE},
    ("getAttachment", 200): {"attachment": BATCH_ATTACHMENT},
    ("getAttachmentContent", 200): {"text": "Hello"},
    ("getAttachmentContent", 206): {"text": "Hello"},
    ("listBatchAttachments", 200): {"page": ATTACHMENT_PAGE},
    ("retryBatchAttachments", 200): {"retried": ATTACHMENTS_RETRIED},
    ("listRecords", 200): {"page": RECORD_PAGE},
    ("getRecord", 200): {"record": RECORD_DETAIL},
    ("search", 200): {"page": SEARCH_PAGE},
    ("listProducts", 200): {"page": PRODUCT_PAGE},
    ("listProjects", 200): {"page": PROJECT_PAGE},
    ("getHealth", 200): {"well": HEALTH},
    ("getReadiness", 200): {"well": HEALTH},
    ("getMetrics", 200): {"text": METRICS},
}
"""Examples of responses by ``operationId`` and status, each with a name."""

SCHEMA_EXAMPLES: Mapping[str, list[Any]] = {
    "AllRecordsRejected": [error_body("ALL_RECORDS_REJECTED")],
    "AttachmentPage": [ATTACHMENT_PAGE],
    "Batch": [BATCH],
    "BatchAttachment": [BATCH_ATTACHMENT],
    "BatchEvent": [BATCH_EVENT],
    "BatchPage": [BATCH_PAGE],
    "DryRunReceipt": [DRY_RUN_RECEIPT],
    "Health": [HEALTH],
    "ProductPage": [PRODUCT_PAGE],
    "ProjectPage": [PROJECT_PAGE],
    "Receipt": [RECEIPT, PARTIAL_RECEIPT],
    "Record": [RECORD],
    "RecordDetail": [RECORD_DETAIL],
    "RecordError": [RECORD_ERROR],
    "RecordPage": [RECORD_PAGE],
    "RejectedPage": [REFUSED_PAGE],
    "Retried": [ATTACHMENTS_RETRIED],
    "SearchPage": [SEARCH_PAGE],
    "SearchResult": [SEARCH_RESULT],
    "StoredRecord": [STORED_RECORD],
    "Upload": [UPLOAD, UPLOAD_COMPLETE],
    "UploadProgress": [UPLOAD_COMPLETE],
    "UploadRequest": [UPLOAD_REQUEST],
}
"""Examples of component schemas."""

MEMBER_EXAMPLES: Mapping[str, list[Any]] = {
    "_type": ["email"],
    "_schema_version": ["1.0.0"],
    "_event_at": [RECORD["_event_at"]],
    "Record._event_at": [RECORD["_event_at"], "2025-10-27T09:41:58.250Z"],
    "_vendor_ids": [RECORD["_vendor_ids"]],
}
"""Examples by ``Schema.member``, or by ``member`` where they are the same everywhere."""
