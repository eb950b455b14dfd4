"""The operations on uploads."""

from typing import Any

from everlake.api.openapi import examples
from everlake.api.openapi.parameters import parameter_refs
from everlake.api.openapi.responses import (
    BINARY,
    JSON,
    KEYED_ERROR_STATUSES,
    error_responses,
    json_response,
    key_security,
)
from everlake.api.openapi.schema_builders import ref
from everlake.contract.limits import Limits

_BAD_UPLOAD = {"400": {"$ref": "#/components/responses/BadUpload"}}
_IDEMPOTENCY_NOTE = (
    "Sending it again is harmless. Once other bytes have come for the same part it is a 400, and "
    "what came first stays."
)


def upload_paths(limits: Limits) -> dict[str, Any]:
    """The path items of this part of the document."""
    return {
        "/api/v1/uploads": {"post": _create(limits)},
        "/api/v1/uploads/{uploadId}": {"get": _get(), "put": _put_whole()},
        "/api/v1/uploads/{uploadId}/parts/{partNumber}": {"put": _put_part()},
    }


def _create(limits: Limits) -> dict[str, Any]:
    created = json_response(
        "Where to send the file, and until when.",
        ref("Upload"),
        {"upload": examples.UPLOAD},
        links={
            "state": {
                "operationId": "getUpload",
                "parameters": {"uploadId": "$response.body#/upload_intent_id"},
                "description": "How far it is.",
            },
            "whole": {
                "operationId": "putUpload",
                "parameters": {"uploadId": "$response.body#/upload_intent_id"},
                "description": "Send the file as a whole.",
            },
        },
    )
    return {
        "operationId": "createUpload",
        "tags": ["Attachments"],
        "summary": "Announce a file",
        "description": (
            f"Announces a file of at most {limits.attachment_bytes:,} bytes, which is then sent "
            "as a `whole`, or, where it is larger than one part, in `parts`, in any order and "
            "several at a time. Both are requests that the answer gives with method, URL and "
            "headers: a URL that begins with `/` is one of this API and takes the key; any other "
            "is signed, leads to the storage, and must not get the key. A record names the file "
            "by `upload_intent_id` once it is complete, in time before it expires."
        ),
        "security": key_security("api:write"),
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": ref("UploadRequest"),
                    "examples": {"file": {"value": examples.UPLOAD_REQUEST}},
                }
            },
        },
        "responses": {
            "201": created,
            **_BAD_UPLOAD,
            **error_responses(*KEYED_ERROR_STATUSES, 413, 415),
        },
    }


def _get() -> dict[str, Any]:
    return {
        "operationId": "getUpload",
        "tags": ["Attachments"],
        "summary": "Get an upload",
        "description": (
            "How far an upload is, and while it is `PENDING` the requests that take what is "
            "missing. Ask after an upload was interrupted, and after the last request to the "
            "storage."
        ),
        "security": key_security("api:write"),
        "parameters": parameter_refs("uploadId"),
        "responses": {
            "200": json_response(
                "The upload.", ref("Upload"), {"upload": examples.UPLOAD_UNDER_WAY}
            ),
            **error_responses(*KEYED_ERROR_STATUSES, 404),
        },
    }


def _put_whole() -> dict[str, Any]:
    return {
        "operationId": "putUpload",
        "tags": ["Attachments"],
        "summary": "Send a file",
        "description": (
            "Takes the whole file. What came before the connection broke off is kept in parts: "
            f"send the missing ones, or all of it again. {_IDEMPOTENCY_NOTE}"
        ),
        "security": key_security("api:write"),
        "parameters": parameter_refs("uploadId"),
        **_content_operation("The file."),
    }


def _put_part() -> dict[str, Any]:
    return {
        "operationId": "putUploadPart",
        "tags": ["Attachments"],
        "summary": "Send a part of a file",
        "description": f"Takes one part of a file, of exactly its size. {_IDEMPOTENCY_NOTE}",
        "security": key_security("api:write"),
        "parameters": parameter_refs("uploadId", "partNumber"),
        **_content_operation("The part."),
    }


def _content_operation(description: str) -> dict[str, Any]:
    return {
        "requestBody": {"required": True, "description": description, "content": {BINARY: {}}},
        "responses": {
            "200": json_response(
                "How much has come; durable from here on.",
                ref("UploadProgress"),
                {"complete": examples.UPLOAD_COMPLETE},
            ),
            **_BAD_UPLOAD,
            **error_responses(*KEYED_ERROR_STATUSES, 404, 413, 415),
        },
    }
