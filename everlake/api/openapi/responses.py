"""Responses: shared errors and headers as components, and the responses of one operation."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from everlake.api.openapi.error_descriptions import codes_of
from everlake.api.openapi.examples import REQUEST_ID, RESPONSE_EXAMPLES, SHA256, error_body
from everlake.api.openapi.operation_descriptions import OPERATIONS
from everlake.api.openapi.schemas import ref
from everlake.contract.endpoints import Endpoint
from everlake.contract.errors import ErrorCode, status_of
from everlake.contract.media_types import EVENT_STREAM, MediaType

JSON = MediaType.JSON.value

_Codes: TypeAlias = tuple[ErrorCode, ...]

_BAD_REQUESTS: Mapping[str, tuple[str, _Codes]] = {
    "BadParameter": ("A query parameter is invalid.", (ErrorCode.INVALID_PARAMETER,)),
    "BadUpload": (
        "The body is not what is expected.",
        (ErrorCode.INVALID_JSON, ErrorCode.INVALID_BODY),
    ),
    "NothingToRetry": (
        "All records of the batch were rejected, so that there is nothing to retry.",
        (ErrorCode.ALL_RECORDS_REJECTED,),
    ),
    "BadSubmission": (
        "The request as a whole is invalid, and nothing was stored; or all records were rejected.",
        tuple(codes_of(400)),
    ),
}
"""Responses with status 400: name, description and codes."""
_ERRORS: Mapping[int, tuple[str, str]] = {
    401: ("Unauthorized", "The key is missing, malformed, unknown or revoked."),
    403: ("Forbidden", "The key lacks the permission."),
    404: ("NotFound", "There is no such resource in the key's workspace."),
    405: (
        "MethodNotAllowed",
        "The path does not support this method; `Allow` lists its methods.",
    ),
    413: ("PayloadTooLarge", "The body is too large, counted after decompression."),
    415: ("UnsupportedMediaType", "The content type or the content encoding is not supported."),
    416: ("RangeNotSatisfiable", "No byte of the content is in the requested range."),
    429: (
        "RateLimited",
        "The key or its workspace exceeds a limit that the message names. Wait, then try again.",
    ),
    500: ("InternalError", "A fault of the server. The log has the request id too."),
    503: (
        "Unavailable",
        "The storage or the database is unavailable or full. Wait, then send the request again.",
    ),
}
"""Responses with any other error status: name and description."""
_ERROR_HEADERS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    416: ("Content-Range",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
_CONTENT_HEADERS = ("Content-Disposition", "ETag", "Accept-Ranges")
_HEADERS: Mapping[tuple[str, int], tuple[str, ...]] = {
    ("ingest", 202): ("Idempotent-Replayed",),
    ("getAttachmentContent", 200): _CONTENT_HEADERS,
    ("getAttachmentContent", 206): (*_CONTENT_HEADERS, "Content-Range"),
    ("getAttachmentContent", 304): ("ETag",),
}
"""Headers of an operation's own responses, besides ``X-Request-Id``."""
_SCHEMA_NAMES: Mapping[tuple[str, int], str] = {("ingest", 200): "DryRunReceipt"}
"""Component schemas of responses that are not named after their type."""
_OTHER_CONTENT: Mapping[tuple[str, int], tuple[str, dict[str, Any]]] = {
    ("watchBatch", 200): (EVENT_STREAM, ref("BatchEvent")),
    ("getAttachmentContent", 200): ("*/*", {}),
    ("getAttachmentContent", 206): ("*/*", {}),
    ("getMetrics", 200): ("text/plain", {"type": "string"}),
}
"""Media type and schema of responses that are not JSON."""
_LINKS: Mapping[tuple[str, int], dict[str, Any]] = {
    ("ingest", 202): {
        "batch": {
            "operationId": "getBatch",
            "parameters": {"batchId": "$response.body#/batchId"},
            "description": "Follow the batch until it is `COMPLETE`.",
        },
        "records": {
            "operationId": "listRecords",
            "parameters": {"batch": "$response.body#/batchId"},
            "description": "The records of the batch, once it is `LANDED`.",
        },
    },
    ("createUpload", 201): {
        "state": {
            "operationId": "getUpload",
            "parameters": {"uploadId": "$response.body#/upload_intent_id"},
            "description": "Progress of the upload.",
        },
        "whole": {
            "operationId": "putUpload",
            "parameters": {"uploadId": "$response.body#/upload_intent_id"},
            "description": "Send the file as a whole.",
        },
    },
}
"""OpenAPI links of responses that create something."""


def component_headers() -> dict[str, Any]:
    """Return all component headers by name."""
    return {
        "X-Request-Id": {
            "description": "Id of this request, which the log has too.",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 128},
            "example": REQUEST_ID,
        },
        "Retry-After": {
            "description": "Seconds to wait before the request is sent again.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
            "example": 1,
        },
        "WWW-Authenticate": {
            "description": "The scheme to authenticate with (RFC 9110, 11.6.1).",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
            "example": "Bearer",
        },
        "Allow": {
            "description": "The methods that the path supports (RFC 9110, 10.2.1).",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
            "example": "GET",
        },
        "Content-Disposition": {
            "description": "Makes a browser save the content, with its filename (RFC 6266).",
            "required": True,
            "schema": {"type": "string", "pattern": "^attachment; filename="},
            "example": "attachment; filename=\"call.mp3\"; filename*=UTF-8''call.mp3",
        },
        "ETag": {
            "description": "The SHA-256 of the content (RFC 9110, 8.8.3).",
            "required": True,
            "schema": {"type": "string", "pattern": '^"[0-9a-f]{64}"$'},
            "example": f'"{SHA256}"',
        },
        "Accept-Ranges": {
            "description": "Always `bytes` (RFC 9110, 14.3).",
            "required": True,
            "schema": {"type": "string", "const": "bytes"},
        },
        "Content-Range": {
            "description": "Which bytes these are, and of how many (RFC 9110, 14.4).",
            "required": True,
            "schema": {"type": "string", "pattern": "^bytes ([0-9]+-[0-9]+|[*])/[0-9]+$"},
            "example": "bytes 0-1048575/2097152",
        },
        "Idempotent-Replayed": {
            "description": (
                "`true` on a response that is repeated because of its `Idempotency-Key`; absent "
                "otherwise."
            ),
            "schema": {"type": "string", "const": "true"},
        },
    }


def component_responses() -> dict[str, Any]:
    """Return all component responses by name: the errors that operations share."""
    errors = {
        name: _error_response(text, tuple(codes_of(status)), _ERROR_HEADERS.get(status, ()))
        for status, (name, text) in _ERRORS.items()
    }
    errors["RateLimited"]["content"][JSON]["schema"]["required"] = ["retryAfter"]
    bad_requests = {
        name: _error_response(text, codes) for name, (text, codes) in _BAD_REQUESTS.items()
    }
    return errors | bad_requests


def responses_of(endpoint: Endpoint) -> dict[str, Any]:
    """Return the responses of an endpoint by status: its own, and references to its errors."""
    own = {
        str(status): _response(endpoint, status, text)
        for status, text in OPERATIONS[endpoint.id].responses.items()
    }
    errors = {
        str(status): {"$ref": f"#/components/responses/{_component_name(status, endpoint)}"}
        for status in sorted({status_of(code) for code in endpoint.error_codes})
    }
    return own | errors


def _response(endpoint: Endpoint, status: int, text: str) -> dict[str, Any]:
    key = (endpoint.id, status)
    response = _head(text, _HEADERS.get(key, ()))
    kind = endpoint.responses[status]
    if kind is not None:
        response["content"] = _content(key, JSON, ref(_SCHEMA_NAMES.get(key, kind.__name__)))
    elif key in _OTHER_CONTENT:
        response["content"] = _content(key, *_OTHER_CONTENT[key])
    if key in _LINKS:
        response["links"] = _LINKS[key]
    return response


def _content(key: tuple[str, int], media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    examples = {name: {"value": value} for name, value in RESPONSE_EXAMPLES[key].items()}
    return {media_type: {"schema": schema, "examples": examples}}


def _component_name(status: int, endpoint: Endpoint) -> str:
    if status in _ERRORS:
        return _ERRORS[status][0]
    codes = tuple(code for code in endpoint.error_codes if status_of(code) == status)
    return next(name for name, (_, listed) in _BAD_REQUESTS.items() if listed == codes)


def _error_response(text: str, codes: _Codes, headers: tuple[str, ...] = ()) -> dict[str, Any]:
    examples = {code.value: {"value": error_body(code)} for code in codes}
    content = {JSON: {"schema": _error_schema(codes), "examples": examples}}
    return {**_head(text, headers), "content": content}


def _error_schema(codes: _Codes) -> dict[str, Any]:
    """Return the error body with one of ``codes``, of which one has details of its own."""
    plain = [code.value for code in codes if code is not ErrorCode.ALL_RECORDS_REJECTED]
    narrowed = {
        "allOf": [ref("ErrorBody")],
        "properties": {"error": {"type": "string", "enum": plain}},
    }
    if len(plain) == len(codes):
        return narrowed
    return {"oneOf": [ref("AllRecordsRejected"), narrowed]} if plain else ref("AllRecordsRejected")


def _head(text: str, headers: tuple[str, ...]) -> dict[str, Any]:
    return {
        "description": text,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *headers)
        },
    }
