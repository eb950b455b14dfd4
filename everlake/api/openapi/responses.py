"""Answers: the shared refusals as components, and helpers for those of one operation."""

from typing import Any

from everlake.api.openapi import examples
from everlake.api.openapi.error_descriptions import codes_of
from everlake.api.openapi.schema_builders import ref
from everlake.contract.errors import ErrorCode

JSON = "application/json"
BINARY = "application/octet-stream"
ANY_TYPE = "*/*"
BAD_PARAMETER_RESPONSE = {"400": {"$ref": "#/components/responses/BadParameter"}}
EVENT_STREAM = "text/event-stream"

_SHARED_ERRORS = {
    401: ("Unauthorized", "The key is missing, malformed, unknown or revoked."),
    403: ("Forbidden", "The key lacks the permission."),
    404: ("NotFound", "There is no such thing in the key's workspace."),
    405: ("MethodNotAllowed", "The path does not know this method; `Allow` lists those it knows."),
    413: ("PayloadTooLarge", "The body is too large, counted after decompression."),
    415: ("UnsupportedMediaType", "The content type or the content encoding is not accepted."),
    416: ("RangeNotSatisfiable", "The range that is asked for has no byte of the content."),
    429: ("RateLimited", "The key sends faster than its rate; wait, then send again."),
    500: ("InternalError", "A fault of the server. The log has the request id too."),
    503: ("Unavailable", "Storage or database is away or full; wait, then send again."),
}
_EXTRA_HEADERS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    416: ("Content-Range",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}

PUBLIC_ERROR_STATUSES = (405, 500, 503)
"""Statuses that every operation can answer, also without a key."""
KEYED_ERROR_STATUSES = (401, 403, 405, 429, 500, 503)
"""Statuses that every operation that wants a key can answer."""


def headers() -> dict[str, Any]:
    """All component headers by name."""
    return {
        "X-Request-Id": {
            "description": "Names this request; the log has it too.",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 128},
            "example": examples.REQUEST_ID,
        },
        "Retry-After": {
            "description": "How many seconds to wait before the next try.",
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
            "description": "The methods that the path knows (RFC 9110, 10.2.1).",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
            "example": "GET",
        },
        "Content-Disposition": {
            "description": "Has it saved under its name (RFC 6266), and never shown in place.",
            "required": True,
            "schema": {"type": "string", "pattern": "^attachment; filename="},
            "example": "attachment; filename=\"call.mp3\"; filename*=UTF-8''call.mp3",
        },
        "ETag": {
            "description": "The SHA-256 of the content (RFC 9110, 8.8.3).",
            "required": True,
            "schema": {"type": "string", "pattern": '^"[0-9a-f]{64}"$'},
            "example": f'"{examples.SHA256}"',
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
                "`true` on an answer that is sent again because of its `Idempotency-Key`; "
                "left out otherwise."
            ),
            "schema": {"type": "string", "const": "true"},
        },
    }


def shared_responses() -> dict[str, Any]:
    """All component responses by name: the refusals, and the two kinds of 400."""
    shared = {
        name: json_response(
            description,
            _error_schema(*codes_of(status)),
            {str(code): examples.error_body(code) for code in codes_of(status)},
            extra_headers=_EXTRA_HEADERS.get(status, ()),
        )
        for status, (name, description) in _SHARED_ERRORS.items()
    }
    shared["RateLimited"]["content"][JSON]["schema"]["required"] = ["retryAfter"]
    bad_parameter = ErrorCode.INVALID_PARAMETER
    shared["BadParameter"] = json_response(
        "A query parameter breaks its rule.",
        _error_schema(bad_parameter),
        {str(bad_parameter): examples.error_body(bad_parameter)},
    )
    bad_upload = (ErrorCode.INVALID_JSON, ErrorCode.INVALID_BODY)
    shared["BadUpload"] = json_response(
        "The body is not what it should be.",
        _error_schema(*bad_upload),
        {str(code): examples.error_body(code) for code in bad_upload},
    )
    all_rejected = ErrorCode.ALL_RECORDS_REJECTED
    shared["NothingToRetry"] = json_response(
        "Every record of the batch was refused, so there is nothing to try again.",
        ref("AllRecordsRejected"),
        {str(all_rejected): examples.error_body(all_rejected)},
    )
    others = [code for code in codes_of(400) if code is not all_rejected]
    shared["BadSubmission"] = json_response(
        "A fault of the request as a whole, and nothing was stored; or not one record was "
        "accepted, and the batch is kept as `FAILED`.",
        {"oneOf": [ref("AllRecordsRejected"), _error_schema(*others)]},
        {str(code): examples.error_body(code) for code in codes_of(400)},
    )
    return shared


def error_responses(*statuses: int) -> dict[str, Any]:
    """References to the shared refusals, by status."""
    return {
        str(status): {"$ref": f"#/components/responses/{_SHARED_ERRORS[status][0]}"}
        for status in sorted(statuses)
    }


def json_response(
    description: str,
    schema: dict[str, Any],
    examples_by_name: dict[str, Any],
    *,
    extra_headers: tuple[str, ...] = (),
    links: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A JSON answer with its headers.

    Args:
        examples_by_name: examples by name.
        extra_headers: component headers beside ``X-Request-Id``.
        links: OpenAPI links, by name.
    """
    response = empty_response(description, extra_headers=extra_headers)
    response["content"] = {
        JSON: {
            "schema": schema,
            "examples": {name: {"value": value} for name, value in examples_by_name.items()},
        }
    }
    if links is not None:
        response["links"] = links
    return response


def event_stream_response(
    description: str, schema: dict[str, Any], examples_by_name: dict[str, Any]
) -> dict[str, Any]:
    """A stream of server-sent events with its headers; ``schema`` is that of one event."""
    response = json_response(description, schema, examples_by_name)
    response["content"] = {EVENT_STREAM: response["content"][JSON]}
    return response


def content_response(description: str, *, extra_headers: tuple[str, ...] = ()) -> dict[str, Any]:
    """Bytes of whatever type they are, with their headers."""
    response = empty_response(description, extra_headers=extra_headers)
    response["content"] = {ANY_TYPE: {"schema": {}, "examples": {"text": {"value": "Hello"}}}}
    return response


def text_response(description: str, example: str) -> dict[str, Any]:
    """A text for programs that know its format, with its headers."""
    response = empty_response(description)
    response["content"] = {
        "text/plain": {"schema": {"type": "string"}, "examples": {"text": {"value": example}}}
    }
    return response


def empty_response(description: str, *, extra_headers: tuple[str, ...] = ()) -> dict[str, Any]:
    """An answer without content, with its headers."""
    return {
        "description": description,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in ("X-Request-Id", *extra_headers)
        },
    }


def key_security(*permissions: str) -> list[dict[str, Any]]:
    """A key with any of ``permissions``, in either header (OpenAPI 3.1.1, 4.8.30)."""
    return [{scheme: [permission]} for permission in permissions for scheme in ("apiKey", "bearer")]


def _error_schema(*codes: ErrorCode) -> dict[str, Any]:
    """The error body, narrowed to ``codes``."""
    codes_only = {"type": "string", "enum": [str(code) for code in codes]}
    return {"allOf": [ref("ErrorBody")], "properties": {"error": codes_only}}
