"""Errors of getting an attachment's content.

:class:`FetchError` is about the attachment and is shown to the customer; :class:`SpoolError` is
about this machine's disk.
"""

from enum import StrEnum


class FetchCode(StrEnum):
    """Reason why content is not available: the ``error`` code of an attachment."""

    URL_NOT_ALLOWED = "URL_NOT_ALLOWED"
    """The URL has a scheme or a form that is not fetched, or contains credentials."""
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    """The URL's host has no public address."""
    NAME_NOT_FOUND = "NAME_NOT_FOUND"
    CONNECTION_FAILED = "CONNECTION_FAILED"
    TLS_FAILED = "TLS_FAILED"
    TIMED_OUT = "TIMED_OUT"
    """The server sent nothing for too long or was too slow, or the whole fetch took too long."""
    TOO_MANY_REDIRECTS = "TOO_MANY_REDIRECTS"
    HTTP_STATUS = "HTTP_STATUS"
    TOO_LARGE = "TOO_LARGE"
    CUT_OFF = "CUT_OFF"
    """The response ended before its announced end."""
    BAD_ANSWER = "BAD_ANSWER"
    """The response is not HTTP, has contradictory headers, or cannot be decoded."""
    SIZE_MISMATCH = "SIZE_MISMATCH"
    SHA1_MISMATCH = "SHA1_MISMATCH"
    MD5_MISMATCH = "MD5_MISMATCH"
    SHA256_MISMATCH = "SHA256_MISMATCH"
    """The uploaded bytes have another hash than the upload was announced with."""
    NOTHING_TO_FETCH = "NOTHING_TO_FETCH"
    """The record names neither a URL nor an upload."""
    UPLOAD_GONE = "UPLOAD_GONE"
    """The upload that the record names no longer exists."""
    GIVEN_UP = "GIVEN_UP"
    """The worker died in every attempt."""
    NOT_KEPT = "NOT_KEPT"
    """This server's disk or storage did not store the content, or the quota has no room for it."""


class FetchError(Exception):
    """Content that is not available, for now or for good.

    Args:
        code: the reason.
        message: explanation for the customer, with what to do about it. It discloses nothing of
            the internal network, such as the address that a name resolves to.
        retryable: whether a later attempt may succeed.
        retry_after: seconds that the server asks to wait, bounded; None when it does not say.
    """

    def __init__(
        self,
        code: FetchCode,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after


class FetchStopped(Exception):
    """Cancellation of a fetch. The spool keeps the partial content for a later fetch to resume."""


class SpoolError(OSError):
    """Failure of the spool's disk. It says nothing about the attachment."""


class SpoolFull(SpoolError):
    """Full disk of the spool. The partial content is discarded."""
