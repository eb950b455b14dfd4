"""Why content could not be had, for the customer to read and for the worker to act on."""

from enum import StrEnum


class FetchCode(StrEnum):
    """The ``error`` code of an attachment."""

    URL_NOT_ALLOWED = "URL_NOT_ALLOWED"
    """Not a URL that is fetched: its scheme, its form, or credentials in it."""
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    """The URL leads to an address that is not public."""
    NAME_NOT_FOUND = "NAME_NOT_FOUND"
    CONNECTION_FAILED = "CONNECTION_FAILED"
    TLS_FAILED = "TLS_FAILED"
    TIMED_OUT = "TIMED_OUT"
    """Nothing came for too long, or not everything within the whole time."""
    TOO_MANY_REDIRECTS = "TOO_MANY_REDIRECTS"
    HTTP_STATUS = "HTTP_STATUS"
    TOO_LARGE = "TOO_LARGE"
    CUT_OFF = "CUT_OFF"
    """The answer ended before its announced end."""
    BAD_ANSWER = "BAD_ANSWER"
    """Not HTTP, or headers that contradict each other, or a coding that cannot be undone."""
    SIZE_MISMATCH = "SIZE_MISMATCH"
    SHA1_MISMATCH = "SHA1_MISMATCH"
    MD5_MISMATCH = "MD5_MISMATCH"
    SHA256_MISMATCH = "SHA256_MISMATCH"
    """Of an upload that was announced with another one."""
    NOTHING_TO_FETCH = "NOTHING_TO_FETCH"
    """The record names neither a URL nor an upload."""
    UPLOAD_GONE = "UPLOAD_GONE"
    """The upload that the record names is no longer kept."""
    GIVEN_UP = "GIVEN_UP"
    """Every try ended with its worker."""
    NOT_KEPT = "NOT_KEPT"
    """Our own disk or storage did not take it."""


class FetchError(Exception):
    """Content that cannot be had, now or ever.

    Args:
        code: what went wrong.
        message: for the customer: what to do. It tells nothing of the inside, such as an
            address that a name leads to.
        passes: whether a later try may succeed.
        retry_after: seconds that the other side asks to wait, bounded; else None.
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
    """The fetch was asked to stop; the spool keeps what there is, to be gone on with."""


class SpoolError(OSError):
    """The spool's disk did not do as asked: it has nothing to do with the attachment."""


class SpoolFull(SpoolError):
    """There is no room left for the spool; what was spooled of this content is let go."""
