"""How long to wait for S3, and trying a request again within that time."""

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from everlake.storage.s3_errors import S3_ERRORS, classify

_INITIAL_DELAY = 0.1
_MAX_DELAY = 2.0

_T = TypeVar("_T")


class S3Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, in seconds.

    ``connect`` is for a connection, ``silence`` for a request to be sent and its answer to begin,
    or to go on, ``answer`` for all of that, ``tries`` for the last try to begin after the first,
    and ``undo`` for the same of taking back what a failed call has written. So a call ends after
    ``tries + silence + undo + silence``, and a client waits for 60 seconds.
    """

    connect: float = 3.0
    read: float = 8.0
    total: float = 60.0
    retry: float = 12.0
    rollback: float = 2.0


def call_with_retries(
    operation: Callable[[], _T], verb: str, *, deadline: float, stop: threading.Event | None = None
) -> _T:
    """What ``operation`` gives; tried again, later and later, while what stands in its way may pass.

    Args:
        operation: makes the request.
        verb: what the request is for, in errors.
        deadline: no further try begins later (``time.monotonic``).
        stop: when set, no further try begins either.

    Raises:
        StorageError: what the last try ended in. Errors of other kinds pass through at once.
    """
    pause = _INITIAL_DELAY
    while True:
        try:
            return operation()
        except S3_ERRORS as error:
            fault = classify(error, verb)
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - so that many do not come at once
            late = time.monotonic() + wait > deadline or (stop is not None and stop.is_set())
            if late or not fault.retryable:
                raise fault.error from error
        time.sleep(wait)
        pause = min(2 * pause, _MAX_DELAY)
