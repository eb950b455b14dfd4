"""Errors of S3 requests as storage errors, by HTTP status and S3 error code.

obstore gives neither as an attribute, so they are read from its message.
"""

import re

import msgspec
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from everlake.storage.errors import StorageError, StorageFull, StorageUnavailable

S3_ERRORS = (BaseError, FileNotFoundError, ValueError)
"""What obstore raises. A missing object or bucket is a FileNotFoundError."""

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_RETRYABLE_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504})
_RETRYABLE_CODES = frozenset({"RequestTimeout", "SlowDown", "OperationAborted"})

_BY_CODE = {
    "NoSuchBucket": "there is no such bucket: create it, or correct EVERLAKE_STORAGE_URL",
    "RequestTimeTooSkewed": "the clock of this machine is wrong: set it, then try again",
    "InvalidAccessKeyId": "the access key is unknown: check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret is wrong for the access key: check AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "the session token has expired: renew AWS_SESSION_TOKEN",
}
_BY_STATUS = {
    301: "the bucket is in another region: set AWS_REGION",
    401: "S3 rejects the credentials: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    403: "access denied: the credentials need PutObject, GetObject, DeleteObject and ListBucket",
    404: _BY_CODE["NoSuchBucket"],
    501: "this server does not support conditional writes (If-None-Match), which are required",
    507: "the storage is full: free some space and send again",
}
_BUSY = "S3 is busy or failing: send again a little later"
_NO_RESPONSE = (
    "S3 does not answer: check that AWS_ENDPOINT_URL and AWS_REGION are right and that it can be "
    "reached, then send again"
)
_NO_CREDENTIALS = (
    "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this "
    "machine a role"
)
_CREDENTIAL_HOSTS = ("//169.254.169.254/", "//169.254.170.2/", "//169.254.170.23/", "//[fd00:ec2")
"""Addresses at which instances and containers of AWS obtain credentials."""


class S3Failure(msgspec.Struct, frozen=True):
    """A failed request: the error to raise, and whether the request may succeed later."""

    error: StorageError
    retryable: bool


def is_missing_object(error: Exception) -> bool:
    """Return whether the object is missing, and not its bucket."""
    return isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error)


def classify(error: Exception, verb: str) -> S3Failure:
    """Return the storage error for a failed request.

    Args:
        error: one of :data:`S3_ERRORS`.
        verb: what the request was for, such as ``write``.
    """
    text = str(error).split("\n\nDebug source", 1)[0]
    status = _http_status(error, text)
    code = found.group(1) if (found := _CODE.search(text)) else ""
    if status is None:
        return _classify_without_response(error, text, verb)
    if status == 507:
        return S3Failure(StorageFull(_BY_STATUS[507]), retryable=False)
    retryable = status in _RETRYABLE_STATUSES or code in _RETRYABLE_CODES
    reason = _BUSY if retryable else _BY_CODE.get(code) or _BY_STATUS.get(status)
    if any(host in text for host in _CREDENTIAL_HOSTS):
        reason = _NO_CREDENTIALS
    reason = reason or f"S3 answered {status} {code}".strip()
    return S3Failure(_unavailable(verb, reason), retryable)


def _http_status(error: Exception, text: str) -> int | None:
    if isinstance(error, AlreadyExistsError):  # the object was deleted a moment later
        return 409
    if found := _STATUS.search(text):
        return int(found.group(1))
    if "redirect without LOCATION" in text:
        return 301
    if isinstance(error, FileNotFoundError):
        return 404
    if isinstance(error, PermissionDeniedError):
        return 403
    return 401 if isinstance(error, UnauthenticatedError) else None


def _classify_without_response(error: Exception, text: str, verb: str) -> S3Failure:
    if isinstance(error, ValueError):
        return S3Failure(StorageError("S3 cannot store an object at this path"), retryable=False)
    asked_for_credentials = any(host in text for host in _CREDENTIAL_HOSTS)
    reason = _NO_CREDENTIALS if asked_for_credentials else _NO_RESPONSE
    return S3Failure(_unavailable(verb, reason), retryable=not asked_for_credentials)


def _unavailable(verb: str, reason: str) -> StorageUnavailable:
    return StorageUnavailable(f"storage could not {verb}: {reason}")
