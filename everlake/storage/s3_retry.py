"""Timeouts and retries of S3 requests."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from everlake.retry import with_jitter
from everlake.storage.s3_errors import S3_ERRORS, classify

_INITIAL_DELAY_MS = 75
_MAX_DELAY_MS = 1_500
_JITTER = 1 / 3

_T = TypeVar("_T")


class S3Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Timeouts in seconds.

    A write ends after at most ``retry + read + rollback + read``, so that clients, which wait for
    60 seconds, get an answer.

    Attributes:
        connect: for a connection.
        read: without a byte of the response.
        total: for a request and its whole response.
        retry: from the first attempt of a request to the start of its last one.
        rollback: the same for deleting what a failed call has written.
    """

    connect: float = 3.0
    read: float = 8.0
    total: float = 60.0
    retry: float = 12.0
    rollback: float = 2.0


def call_with_retries(
    operation: Callable[[], _T], verb: str, *, deadline: float, stop: threading.Event | None = None
) -> _T:
    """Call ``operation``, again after growing delays while its error is retryable.

    The retries of obstore would not observe a deadline that many calls share, nor recognise an
    object that an earlier attempt has written.

    Args:
        operation: makes the request.
        verb: what the request is for, in error messages.
        deadline: latest start of a retry (``time.monotonic``).
        stop: when set, there are no more retries.

    Returns:
        what ``operation`` returns.

    Raises:
        StorageError: for the error of the last attempt, if it is one of :data:`S3_ERRORS`.
        Exception: any other error of ``operation``, at once.
    """
    delay_ms = _INITIAL_DELAY_MS
    while True:
        try:
            return operation()
        except S3_ERRORS as error:
            failure = classify(error, verb)
            wait = with_jitter(delay_ms, _JITTER) / 1000
            late = time.monotonic() + wait > deadline or (stop is not None and stop.is_set())
            if late or not failure.retryable:
                raise failure.error from error
        time.sleep(wait)
        delay_ms = min(2 * delay_ms, _MAX_DELAY_MS)
