"""What an answer means to a client: what was asked for, a refusal, or a stranger's."""

from collections.abc import Callable
from typing import TypeVar

import httpx
import msgspec

from everlake.contract.errors import ErrorBody, ErrorCode

EVENT_STREAM = "text/event-stream"
_TOO_LARGE = 413

T = TypeVar("T")

_decode_error = msgspec.json.Decoder(ErrorBody).decode


class Unreachable(Exception):
    """No answer from the server, however often it was asked."""


class ApiError(Exception):
    """The server refused; ``body`` is its answer, ``status`` the HTTP status."""

    def __init__(self, status: int, body: ErrorBody) -> None:
        super().__init__(f"{body.error}: {body.message}")
        self.status = status
        self.body = body


class StorageRefused(Exception):
    """Storage, to which the server sent us, refused with this HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the storage refused what was uploaded, with status {status}")
        self.status = status


def decode_response(response: httpx.Response, decode: Callable[[bytes], T]) -> T:
    """What is in the answer; raises as :func:`decode_as`."""
    return decode_content(response, response.content, decode)


def decode_content(response: httpx.Response, content: bytes, decode: Callable[[bytes], T]) -> T:
    """What is in ``content``, a part of the answer.

    Raises:
        Unreachable: it is no answer of Everlake.
    """
    try:
        return decode(content)
    except msgspec.DecodeError:
        raise not_everlake(response) from None


def require_event_stream(response: httpx.Response) -> None:
    """Return when the answer is a stream of events.

    Raises:
        Unreachable: it is not.
    """
    if response.headers.get("content-type", "").partition(";")[0].strip() != EVENT_STREAM:
        raise not_everlake(response)


def not_everlake(response: httpx.Response) -> Unreachable:
    """The error of an answer that is not one of Everlake."""
    return Unreachable(
        f"{response.url} answered {response.status_code} and not as Everlake does: "
        "is the URL right?"
    )


def api_error(response: httpx.Response) -> ApiError:
    """The error of a refusal by the server."""
    return ApiError(response.status_code, _error_body(response))


def storage_error(response: httpx.Response) -> StorageRefused:
    """The error of a refusal by the storage."""
    return StorageRefused(response.status_code)


def _error_body(response: httpx.Response) -> ErrorBody:
    try:
        return _decode_error(response.content)
    except msgspec.DecodeError:
        if response.status_code != _TOO_LARGE:
            raise not_everlake(response) from None
    return ErrorBody(
        ErrorCode.PAYLOAD_TOO_LARGE, "What stands before the server takes no body of this size."
    )


def retry_reason(response: httpx.Response) -> str:
    """Why the server wants another try, for people."""
    try:
        return f"the server says: {_decode_error(response.content).message.rstrip('.')}"
    except msgspec.DecodeError:
        return f"what stands before the server answers {response.status_code}"


def retry_after(response: httpx.Response) -> float | None:
    """The seconds that a server, or a proxy before it, says to wait."""
    try:
        told = _decode_error(response.content).retryAfter
    except msgspec.DecodeError:
        told = msgspec.UNSET
    if isinstance(told, (int, float)):
        return told
    header = response.headers.get("retry-after", "")
    return float(header) if header.isascii() and header.isdigit() else None
