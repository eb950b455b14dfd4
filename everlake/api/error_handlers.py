"""Exception handlers of the routes: the error response to each exception."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from everlake.api.credentials import to_wire_error
from everlake.api.middleware import internal_error
from everlake.api.range_requests import RangeNotSatisfiable
from everlake.api.responses import error_response
from everlake.catalog.errors import CatalogError, QuotaExceeded, TooManyUploads
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.errors import ErrorCode, WireError, unavailable
from everlake.identity.errors import IdentityError
from everlake.lake import LakeDamaged, LakeError
from everlake.logs import logger
from everlake.operations.errors import (
    ArchiveUnreadable,
    ContentNotAvailable,
    ContentUnreadable,
    NothingToRetry,
    RejectedRecordsDeleted,
    ResourceNotFound,
)
from everlake.storage import StorageError

_log = logger()

_UPLOAD_RETRY_SECONDS = 60.0
"""``Retry-After`` of a workspace at its limit of unused uploads."""

_Request = Request[Any, Any, Any]


def _handle_wire_error(_: _Request, error: WireError) -> Response[bytes]:
    return error_response(error)


def _handle_unavailable(_: _Request, error: Exception) -> Response[bytes]:
    return error_response(unavailable(str(error)))


def _handle_too_many_uploads(_: _Request, error: TooManyUploads) -> Response[bytes]:
    return error_response(
        WireError(
            ErrorCode.RATE_LIMITED,
            f"{error} Send the records that refer to uploads, or wait until old ones expire; the "
            "operator of the server can raise EVERLAKE_UPLOAD_UNUSED_BYTES and "
            "EVERLAKE_UPLOAD_UNUSED_COUNT.",
            retry_after=_UPLOAD_RETRY_SECONDS,
        )
    )


def _handle_quota_exceeded(_: _Request, error: QuotaExceeded) -> Response[bytes]:
    return error_response(
        WireError(ErrorCode.RATE_LIMITED, str(error), retry_after=error.retry_after)
    )


def _handle_lake_error(_: _Request, error: LakeError) -> Response[bytes]:
    # The message names files of this machine: it is for the log.
    _log.error("lake tables cannot be read", reason=str(error))
    return error_response(unavailable("The lake's tables cannot be read now. Try again later."))


def _handle_lake_damaged(_: _Request, error: LakeDamaged) -> Response[bytes]:
    # Likewise.
    _log.error("lake tables are missing or damaged", reason=str(error))
    return error_response(
        unavailable(
            "The lake's tables are missing or damaged. No record is lost: the operator of the "
            "server has to run everlake lake rebuild."
        )
    )


def _handle_not_found(_: _Request, error: ResourceNotFound) -> Response[bytes]:
    message = f"There is no such {error.kind} in this key's workspace."
    return error_response(WireError(ErrorCode.NOT_FOUND, message))


def _handle_nothing_to_retry(_: _Request, error: NothingToRetry) -> Response[bytes]:
    batch = error.batch
    return error_response(
        WireError(
            ErrorCode.ALL_RECORDS_REJECTED,
            "All records of this batch were rejected, so there is nothing to retry: correct the "
            "records and send them again.",
            details={
                "batchId": batch.id,
                "rejectedCount": batch.rejected,
                "totalErrorCount": batch.total_errors,
                "errors": msgspec.to_builtins(batch.errors),
            },
        )
    )


def _handle_rejected_records_deleted(_: _Request, __: RejectedRecordsDeleted) -> Response[bytes]:
    return error_response(
        WireError(
            ErrorCode.NOT_FOUND,
            "The rejected records of this batch were deleted after the time for which this server "
            "keeps them. The batch itself has their number and the first errors.",
        )
    )


def _handle_archive_unreadable(request: _Request, error: ArchiveUnreadable) -> Response[bytes]:
    # The reason names files of this machine: it is for the log.
    _log.error("archive object cannot be read", path=error.path, reason=error.reason)
    return error_response(
        WireError(
            ErrorCode.INTERNAL_ERROR,
            "Stored records of this batch are lost or damaged. The log has more under request id "
            f"{_request_id(request)}.",
        )
    )


def _handle_content_not_available(_: _Request, error: ContentNotAvailable) -> Response[bytes]:
    attachment = error.attachment
    url = f"GET /api/v1/attachments/{attachment.id}"
    if attachment.status is AttachmentStatus.FAILED:
        message = f"The download of this attachment failed. Its error is in {url}."
    else:
        message = f"The content is not stored yet. Ask again once {url} says COMPLETE."
    return error_response(WireError(ErrorCode.NOT_FOUND, message))


def _handle_content_unreadable(_: _Request, error: ContentUnreadable) -> Response[bytes]:
    _log.error("stored content cannot be read", path=error.path, reason=error.reason)
    return error_response(unavailable("The stored content cannot be read now. Try again later."))


def _handle_range_not_satisfiable(_: _Request, error: RangeNotSatisfiable) -> Response[bytes]:
    rejection = WireError(
        ErrorCode.RANGE_NOT_SATISFIABLE,
        f"The content has {error.size:,} bytes, and none of them is in this Range.",
    )
    return error_response(rejection, {"Content-Range": f"bytes */{error.size}"})


def _handle_identity_error(_: _Request, error: IdentityError) -> Response[bytes]:
    return error_response(to_wire_error(error))


def _handle_http_exception(request: _Request, error: HTTPException) -> Response[bytes]:
    """Return the response to a request that the router rejects."""
    if error.status_code == 405:
        allow = (error.headers or {}).get("allow", "").replace(", OPTIONS", "")
        method = request.scope["method"].strip()
        rejection = WireError(
            ErrorCode.METHOD_NOT_ALLOWED, f"{method} is not allowed here. Use {allow}."
        )
        return error_response(rejection, {"Allow": allow})
    if error.status_code == 404:
        return error_response(WireError(ErrorCode.NOT_FOUND, "There is nothing at this address."))
    if error.status_code < 500:
        return error_response(
            WireError(ErrorCode.INVALID_PARAMETER, "The request line or a header is malformed.")
        )
    return _handle_unexpected(request, error)


def _handle_unexpected(request: _Request, error: Exception) -> Response[bytes]:
    _log.error("unexpected error", exc_info=error)
    return error_response(internal_error(_request_id(request)))


def _request_id(request: _Request) -> str:
    return request.scope["state"]["request_id"]


EXCEPTION_HANDLERS: Mapping[int | type[Exception], Callable[[_Request, Any], Response[bytes]]] = {
    WireError: _handle_wire_error,
    HTTPException: _handle_http_exception,
    IdentityError: _handle_identity_error,
    ResourceNotFound: _handle_not_found,
    NothingToRetry: _handle_nothing_to_retry,
    RejectedRecordsDeleted: _handle_rejected_records_deleted,
    ArchiveUnreadable: _handle_archive_unreadable,
    ContentNotAvailable: _handle_content_not_available,
    ContentUnreadable: _handle_content_unreadable,
    RangeNotSatisfiable: _handle_range_not_satisfiable,
    TooManyUploads: _handle_too_many_uploads,
    QuotaExceeded: _handle_quota_exceeded,
    CatalogError: _handle_unavailable,
    StorageError: _handle_unavailable,
    LakeDamaged: _handle_lake_damaged,
    LakeError: _handle_lake_error,
    Exception: _handle_unexpected,
}
"""Handlers by exception class; the most specific one applies."""
