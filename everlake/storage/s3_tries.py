"""How long to wait for S3, and trying a request again within that time."""

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from everlake.storage.s3_faults import FAILURES, fault_of

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0

_T = TypeVar("_T")


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, in seconds.

    ``connect`` is for a connection, ``silence`` for a request to be sent and its answer to begin,
    or to go on, ``answer`` for all of that, ``tries`` for the last try to begin after the first,
    and ``undo`` for the same of taking back what a failed call has written. So a call ends after
    ``tries + silence + undo + silence``, and a client waits for 60 seconds.
    """

    connect: float = 3.0
    silence: float = 8.0
    answer: float = 60.0
    tries: float = 12.0
    undo: float = 2.0


def retried(
    act: Callable[[], _T], verb: str, *, until: float, stop: threading.Event | None = None
) -> _T:
    """What ``act`` gives; tried again, later and later, while what stands in its way may pass.

    Args:
        act: makes the request.
        verb: what the request is for, in errors.
        until: no further try begins later (``time.monotonic``).
        stop: when set, no further try begins either.

    Raises:
        StorageError: what the last try ended in. Errors of other kinds pass through at once.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            return act()
        except FAILURES as error:
            fault = fault_of(error, verb)
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - so that many do not come at once
            late = time.monotonic() + wait > until or (stop is not None and stop.is_set())
            if late or not fault.passes:
                raise fault.error from error
        time.sleep(wait)
        pause = min(2 * pause, _LONGEST_PAUSE)
