"""When the next request may go out, for all that have one to send."""

import threading
import time
from collections.abc import Callable

from everlake.client.client import RetryDelay

_MIN_GAP = 0.02
_MAX_GAP = 1.0
_GAP_GROWTH, _GAP_DECAY = 1.5, 0.95


class SendingStopped(Exception):
    """The request is not sent any more, because somebody said stop."""


class Throttle:
    """Holds back every sender of a key when one of them was told to come back later.

    Refusals for the rate (429) also set a gap between requests, which closes slowly while there
    are none: so few requests are sent in vain, whatever the server's limit is.

    Args:
        notice: told once a pause why it is, and for how many seconds; not of rate limits, which
            are the normal thing.
    """

    def __init__(self, on_pause: Callable[[str, float], None] | None = None) -> None:
        self._on_pause = on_pause
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._resume_at = 0.0
        self._reported_until = 0.0
        self._gap = 0.0
        self._next_at = 0.0

    def wait(self) -> None:
        """Return when the next request may go out.

        Raises:
            Stopped: it may not, ever.
        """
        with self._lock:
            turn = max(time.monotonic(), self._next_at, self._resume_at)
            self._next_at = turn + self._gap
        while (seconds := max(turn, self._resume_at) - time.monotonic()) > 0:
            if self._stopped.wait(seconds):
                break
        if self._stopped.is_set():
            raise SendingStopped

    def back_off(self, delay: RetryDelay) -> None:
        """Hold everybody back for as long as one was told, and return when it may try again.

        Raises:
            Stopped: see :meth:`wait`.
        """
        now = time.monotonic()
        with self._lock:
            if delay.rate_limited:
                self._gap = min(max(self._gap * _GAP_GROWTH, _MIN_GAP), _MAX_GAP)
            self._resume_at = max(self._resume_at, now + delay.seconds)
            tell = not delay.rate_limited and now >= self._reported_until
            if tell:
                self._reported_until = self._resume_at
        if tell and self._on_pause is not None:
            self._on_pause(delay.reason, delay.seconds)
        self.wait()

    def record_success(self) -> None:
        """One request was taken at the first try."""
        with self._lock:
            self._gap = self._gap * _GAP_DECAY if self._gap > _MIN_GAP / 10 else 0.0

    def stop(self) -> None:
        """Let nothing out any more."""
        self._stopped.set()
