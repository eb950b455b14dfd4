"""The operations on attachments."""

from typing import Any

from everlake.api.openapi import examples
from everlake.api.openapi.parameters import parameter_refs
from everlake.api.openapi.responses import (
    BAD_PARAMETER_RESPONSE,
    KEYED_ERROR_STATUSES,
    content_response,
    empty_response,
    error_responses,
    json_response,
    key_security,
)
from everlake.api.openapi.schema_builders import ref


def attachment_paths() -> dict[str, Any]:
    """The path items of this part of the document."""
    return {
        "/api/v1/attachments/{attachmentId}": {"get": get_attachment_operation()},
        "/api/v1/attachments/{attachmentId}/content": {"get": get_content_operation()},
        "/api/v1/ingest/batches/{batchId}/attachments": {"get": list_batch_attachments_operation()},
        "/api/v1/ingest/batches/{batchId}/attachments/retry": {
            "post": retry_attachments_operation()
        },
    }


def get_attachment_operation() -> dict[str, Any]:
    return {
        "operationId": "getAttachment",
        "tags": ["Attachments"],
        "summary": "Get an attachment",
        "description": "One attachment, and how far it is.",
        "security": key_security("api:read"),
        "parameters": parameter_refs("attachmentId"),
        "responses": {
            "200": json_response(
                "The attachment.",
                ref("BatchAttachment"),
                {"attachment": examples.BATCH_ATTACHMENT},
            ),
            **error_responses(*KEYED_ERROR_STATUSES, 404),
        },
    }


def get_content_operation() -> dict[str, Any]:
    headers = ("Content-Disposition", "ETag", "Accept-Ranges")
    return {
        "operationId": "getAttachmentContent",
        "tags": ["Attachments"],
        "summary": "Download an attachment",
        "description": (
            "The content of an attachment that is `COMPLETE`, byte for byte; of any other it is a "
            "404. The content type is what its bytes tell, and `application/octet-stream` where a "
            "browser might run it, such as HTML or SVG; it is always to be saved and never shown "
            "in place. `ETag` is its SHA-256, and content never changes. One range of bytes may "
            "be asked for; where several are, all of the content comes. `HEAD` answers with the "
            "headers alone. An answer that breaks off is shorter than its `Content-Length`: go on "
            "with `Range`."
        ),
        "security": key_security("api:read"),
        "parameters": parameter_refs("attachmentId", "range", "ifRange", "ifNoneMatch"),
        "responses": {
            "200": content_response("All of the content.", extra_headers=headers),
            "206": content_response(
                "The range that was asked for.", extra_headers=(*headers, "Content-Range")
            ),
            "304": empty_response(
                "`If-None-Match` names the content: it is what you have.", extra_headers=("ETag",)
            ),
            **error_responses(*KEYED_ERROR_STATUSES, 404, 416),
        },
    }


def list_batch_attachments_operation() -> dict[str, Any]:
    page = {"page": examples.ATTACHMENT_PAGE}
    return {
        "operationId": "listBatchAttachments",
        "tags": ["Attachments"],
        "summary": "List a batch's attachments",
        "description": (
            "The attachments of the batch's accepted records, in the order of these, each with "
            "how far it is. They are listed when the batch is `LANDED`."
        ),
        "security": key_security("api:read", "api:write"),
        "parameters": parameter_refs("batchId", "attachmentStatus", "limit", "cursor"),
        "responses": {
            "200": json_response("A page of attachments.", ref("AttachmentPage"), page),
            **BAD_PARAMETER_RESPONSE,
            **error_responses(*KEYED_ERROR_STATUSES, 404),
        },
    }


def retry_attachments_operation() -> dict[str, Any]:
    retried = {"retried": examples.ATTACHMENTS_RETRIED}
    return {
        "operationId": "retryBatchAttachments",
        "tags": ["Attachments"],
        "summary": "Retry a batch's attachments",
        "description": (
            "Fetches the batch's `FAILED` attachments again, and reads again those files whose "
            "text is `FAILED`. The others are left as they are, so that the request can be made "
            "again without harm."
        ),
        "security": key_security("api:write"),
        "parameters": parameter_refs("batchId"),
        "responses": {
            "200": json_response("What is tried again.", ref("Retried"), retried),
            **error_responses(*KEYED_ERROR_STATUSES, 404),
        },
    }
