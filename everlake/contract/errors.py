"""Error codes of the wire, and the exception that carries one to the client."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from everlake.contract.types import Count

MAX_MESSAGE_LENGTH = 2_048
RETRY_AFTER_SECONDS = 5.0
"""``Retry-After`` of a 503."""


ErrorMessage: TypeAlias = Annotated[
    str, Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_MESSAGE_LENGTH})
]
RecordErrorMessage: TypeAlias = Annotated[str, Meta(extra_json_schema={"minLength": 1})]


class ErrorCode(StrEnum):
    """Error codes of a response (contract, Errors)."""

    INVALID_JSON = "INVALID_JSON"
    INVALID_BODY = "INVALID_BODY"
    EMPTY_BATCH = "EMPTY_BATCH"
    TOO_MANY_RECORDS = "TOO_MANY_RECORDS"
    MIXED_BATCH = "MIXED_BATCH"
    UNKNOWN_PRODUCT = "UNKNOWN_PRODUCT"
    ALL_RECORDS_REJECTED = "ALL_RECORDS_REJECTED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    INVALID_PARAMETER = "INVALID_PARAMETER"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    RANGE_NOT_SATISFIABLE = "RANGE_NOT_SATISFIABLE"
    RATE_LIMITED = "RATE_LIMITED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    UNAVAILABLE = "UNAVAILABLE"


HTTP_STATUSES: Mapping[ErrorCode, int] = {
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.PAYLOAD_TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.RANGE_NOT_SATISFIABLE: 416,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.INTERNAL_ERROR: 500,
    ErrorCode.UNAVAILABLE: 503,
}
"""HTTP status of an error code; 400 for any other."""


def status_of(code: ErrorCode) -> int:
    """Return the HTTP status of a response with ``code`` (contract, Errors)."""
    return HTTP_STATUSES.get(code, 400)


class RecordErrorCode(StrEnum):
    """Error codes of a record (contract, Record errors)."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    INVALID_JSON = "INVALID_JSON"
    UNKNOWN_PROJECT = "UNKNOWN_PROJECT"
    TOO_MANY_ATTACHMENTS = "TOO_MANY_ATTACHMENTS"
    UNKNOWN_UPLOAD = "UNKNOWN_UPLOAD"
    UPLOAD_INCOMPLETE = "UPLOAD_INCOMPLETE"
    UPLOAD_EXPIRED = "UPLOAD_EXPIRED"


class RecordError(msgspec.Struct, frozen=True, gc=False):
    """One error of one record. ``index`` is the record's position in the request, from 0."""

    index: Count
    code: RecordErrorCode
    message: RecordErrorMessage


class ErrorBody(msgspec.Struct, omit_defaults=True):
    """Body of every response other than 2xx. ``retryAfter`` is in seconds, and set on 429 alone."""

    error: ErrorCode
    message: ErrorMessage
    retryAfter: (  # noqa: N815
        Annotated[float, Meta(extra_json_schema={"minimum": 0})] | msgspec.UnsetType
    ) = msgspec.UNSET
    details: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class WireError(Exception):
    """Error response to a request.

    Args:
        code: determines the HTTP status.
        message: what is wrong and what to do, for people; cut at 2,048 characters.
        details: further members, encodable as JSON.
        retry_after: seconds to wait before the request is sent again.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = (
            message
            if len(message) <= MAX_MESSAGE_LENGTH
            else message[: MAX_MESSAGE_LENGTH - 1] + "…"
        )
        self.details = details
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """HTTP status of the response."""
        return status_of(self.code)

    def body(self) -> ErrorBody:
        """Return the response body. ``retryAfter`` is set on 429 alone (contract, Errors)."""
        return ErrorBody(
            error=self.code,
            message=self.message,
            retryAfter=(
                msgspec.UNSET
                if self.retry_after is None or self.code is not ErrorCode.RATE_LIMITED
                else self.retry_after
            ),
            details=msgspec.UNSET if self.details is None else self.details,
        )


def unavailable(message: str) -> WireError:
    """Return the 503 for a database or storage that does not answer.

    Args:
        message: what is wrong, and what to do.
    """
    return WireError(ErrorCode.UNAVAILABLE, message, retry_after=RETRY_AFTER_SECONDS)
