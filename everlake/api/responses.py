"""Responses: JSON, and the form that all errors have (contract, Errors)."""

import math
from typing import Any

import msgspec
from litestar import Response
from litestar.types import Send
from litestar.types.asgi_types import HTTPResponseStartEvent

from everlake.contract.errors import ErrorCode, WireError

JSON = "application/json"

_encode = msgspec.json.Encoder().encode


def json_response(
    body: Any, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response[bytes]:
    """Return a response with ``body`` as JSON; bytes are JSON already."""
    content = body if isinstance(body, bytes) else _encode(body)
    return Response(content, media_type=JSON, status_code=status, headers=headers)


def error_response(error: WireError, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Return the response for ``error``."""
    headers = {**_error_headers(error), **(headers or {})}
    return json_response(error.body(), status=error.status, headers=headers)


async def send_error(error: WireError, send: Send) -> None:
    """Send the response for ``error`` from outside of a route."""
    content = _encode(error.body())
    headers = {
        "content-type": JSON,
        "content-length": str(len(content)),
        **_error_headers(error),
    }
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": error.status,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    await send(start)
    await send({"type": "http.response.body", "body": content, "more_body": False})


def _error_headers(error: WireError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.code is ErrorCode.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return headers
