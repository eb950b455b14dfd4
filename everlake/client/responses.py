"""Interpretation of responses: content, errors, and delays before a retry."""

from collections.abc import Callable
from typing import TypeVar

import httpx
import msgspec

from everlake.client.errors import ApiError, StorageRefused, Unreachable
from everlake.contract.errors import ErrorBody, ErrorCode
from everlake.contract.media_types import EVENT_STREAM

_CONTENT_TOO_LARGE = 413

T = TypeVar("T")

_decode_error = msgspec.json.Decoder(ErrorBody).decode


def decode_response(response: httpx.Response, decode: Callable[[bytes], T]) -> T:
    """Return the decoded body of a response.

    Raises:
        Unreachable: the response is not one of Everlake.
    """
    return decode_content(response, response.content, decode)


def decode_content(response: httpx.Response, content: bytes, decode: Callable[[bytes], T]) -> T:
    """Return the decoded ``content``, a part of a response.

    Raises:
        Unreachable: the response is not one of Everlake.
    """
    try:
        return decode(content)
    except msgspec.DecodeError:
        raise not_everlake(response) from None


def require_event_stream(response: httpx.Response) -> None:
    """Return if the response is a stream of events.

    Raises:
        Unreachable: it is not, so the response is not one of Everlake.
    """
    if response.headers.get("content-type", "").partition(";")[0].strip() != EVENT_STREAM:
        raise not_everlake(response)


def not_everlake(response: httpx.Response) -> Unreachable:
    """Return the error for a response that is not one of Everlake."""
    return Unreachable(
        f"{response.url} answered {response.status_code} and not as Everlake does: "
        "is the URL right?"
    )


def api_error(response: httpx.Response) -> ApiError:
    """Return the error for an error response of the server, or of a proxy in front of it.

    Raises:
        Unreachable: the response is of neither.
    """
    return ApiError(response.status_code, _error_body(response))


def storage_error(response: httpx.Response) -> StorageRefused:
    """Return the error for an error response of the storage."""
    return StorageRefused(response.status_code)


def _error_body(response: httpx.Response) -> ErrorBody:
    try:
        return _decode_error(response.content)
    except msgspec.DecodeError:
        if response.status_code != _CONTENT_TOO_LARGE:
            raise not_everlake(response) from None
    return ErrorBody(
        ErrorCode.PAYLOAD_TOO_LARGE, "A proxy in front of the server rejects bodies of this size."
    )


def retry_reason(response: httpx.Response) -> str:
    """Return why the request is made again, for people."""
    try:
        return f"the server says: {_decode_error(response.content).message.rstrip('.')}"
    except msgspec.DecodeError:
        return f"a proxy in front of the server answers {response.status_code}"


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that the server, or a proxy, asks to wait; None where it does not."""
    try:
        seconds = _decode_error(response.content).retryAfter
    except msgspec.DecodeError:
        seconds = msgspec.UNSET
    if isinstance(seconds, (int, float)):
        return seconds
    header = response.headers.get("retry-after", "")
    return float(header) if header.isascii() and header.isdigit() else None
