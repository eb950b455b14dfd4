"""The operations on attachments."""

from typing import Any

from everlake.api.openapi import examples
from everlake.api.openapi.parameters import parameter_refs
from everlake.api.openapi.responses import (
    BAD_PARAMETER,
    KEYED_REFUSALS,
    answer,
    keyed,
    refusals,
)
from everlake.api.openapi.vocabulary import ref


def attachment_paths() -> dict[str, Any]:
    """The path items of this part of the document."""
    return {
        "/api/v1/ingest/batches/{batchId}/attachments": {"get": _list_batch_attachments()},
        "/api/v1/ingest/batches/{batchId}/attachments/retry": {"post": _retry()},
    }


def _list_batch_attachments() -> dict[str, Any]:
    page = {"page": examples.ATTACHMENT_PAGE}
    return {
        "operationId": "listBatchAttachments",
        "tags": ["Attachments"],
        "summary": "List a batch's attachments",
        "description": (
            "The attachments of the batch's accepted records, in the order of these, each with "
            "how far it is. They are listed when the batch is `LANDED`."
        ),
        "security": keyed("api:read", "api:write"),
        "parameters": parameter_refs("batchId", "attachmentStatus", "limit", "cursor"),
        "responses": {
            "200": answer("A page of attachments.", ref("AttachmentPage"), page),
            **BAD_PARAMETER,
            **refusals(*KEYED_REFUSALS, 404),
        },
    }


def _retry() -> dict[str, Any]:
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
        "security": keyed("api:write"),
        "parameters": parameter_refs("batchId"),
        "responses": {
            "200": answer("What is tried again.", ref("Retried"), retried),
            **refusals(*KEYED_REFUSALS, 404),
        },
    }
