"""Answers: the shared refusals as components, and helpers for those of one operation."""

from typing import Any

from everlake.api.openapi import examples
from everlake.api.openapi.errors import codes_of
from everlake.api.openapi.vocabulary import ref
from everlake.contract.errors import ErrorCode

JSON = "application/json"
BINARY = "application/octet-stream"
ANY = "*/*"
BAD_PARAMETER = {"400": {"$ref": "#/components/responses/BadParameter"}}
EVENT_STREAM = "text/event-stream"

_SHARED = {
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

OPEN_REFUSALS = (405, 500, 503)
"""Statuses that every operation can answer, also without a key."""
KEYED_REFUSALS = (401, 403, 405, 429, 500, 503)
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
        name: answer(
            description,
            _error_schema(*codes_of(status)),
            {str(code): examples.error(code) for code in codes_of(status)},
            extra_headers=_EXTRA_HEADERS.get(status, ()),
        )
        for status, (name, description) in _SHARED.items()
    }
    shared["RateLimited"]["content"][JSON]["schema"]["required"] = ["retryAfter"]
    bad_parameter = ErrorCode.INVALID_PARAMETER
    shared["BadParameter"] = answer(
        "A query parameter breaks its rule.",
        _error_schema(bad_parameter),
        {str(bad_parameter): examples.error(bad_parameter)},
    )
    bad_upload = (ErrorCode.INVALID_JSON, ErrorCode.INVALID_BODY)
    shared["BadUpload"] = answer(
        "The body is not what it should be.",
        _error_schema(*bad_upload),
        {str(code): examples.error(code) for code in bad_upload},
    )
    all_rejected = ErrorCode.ALL_RECORDS_REJECTED
    shared["NothingToRetry"] = answer(
        "Every record of the batch was refused, so there is nothing to try again.",
        ref("AllRecordsRejected"),
        {str(all_rejected): examples.error(all_rejected)},
    )
    others = [code for code in codes_of(400) if code is not all_rejected]
    shared["BadSubmission"] = answer(
        "A fault of the request as a whole, and nothing was stored; or not one record was "
        "accepted, and the batch is kept as `FAILED`.",
        {"oneOf": [ref("AllRecordsRejected"), _error_schema(*others)]},
        {str(code): examples.error(code) for code in codes_of(400)},
    )
    return shared


def refusals(*statuses: int) -> dict[str, Any]:
    """References to the shared refusals, by status."""
    return {
        str(status): {"$ref": f"#/components/responses/{_SHARED[status][0]}"}
        for status in sorted(statuses)
    }


def answer(
    description: str,
    schema: dict[str, Any],
    example_of: dict[str, Any],
    *,
    extra_headers: tuple[str, ...] = (),
    links: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A JSON answer with its headers.

    Args:
        example_of: examples by name.
        extra_headers: component headers beside ``X-Request-Id``.
        links: OpenAPI links, by name.
    """
    response = nothing(description, extra_headers=extra_headers)
    response["content"] = {
        JSON: {
            "schema": schema,
            "examples": {name: {"value": value} for name, value in example_of.items()},
        }
    }
    if links is not None:
        response["links"] = links
    return response


def event_stream(
    description: str, schema: dict[str, Any], example_of: dict[str, Any]
) -> dict[str, Any]:
    """A stream of server-sent events with its headers; ``schema`` is that of one event."""
    response = answer(description, schema, example_of)
    response["content"] = {EVENT_STREAM: response["content"][JSON]}
    return response


def content(description: str, *, extra_headers: tuple[str, ...] = ()) -> dict[str, Any]:
    """Bytes of whatever type they are, with their headers."""
    response = nothing(description, extra_headers=extra_headers)
    response["content"] = {ANY: {"schema": {}, "examples": {"text": {"value": "Hello"}}}}
    return response


def plain_text(description: str, example: str) -> dict[str, Any]:
    """A text for programs that know its format, with its headers."""
    response = nothing(description)
    response["content"] = {
        "text/plain": {"schema": {"type": "string"}, "examples": {"text": {"value": example}}}
    }
    return response


def nothing(description: str, *, extra_headers: tuple[str, ...] = ()) -> dict[str, Any]:
    """An answer without content, with its headers."""
    return {
        "description": description,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in ("X-Request-Id", *extra_headers)
        },
    }


def keyed(*permissions: str) -> list[dict[str, Any]]:
    """A key with any of ``permissions``, in either header (OpenAPI 3.1.1, 4.8.30)."""
    return [{scheme: [permission]} for permission in permissions for scheme in ("apiKey", "bearer")]


def _error_schema(*codes: ErrorCode) -> dict[str, Any]:
    """The error body, narrowed to ``codes``."""
    codes_only = {"type": "string", "enum": [str(code) for code in codes]}
    return {"allOf": [ref("ErrorBody")], "properties": {"error": codes_only}}
