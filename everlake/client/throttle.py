"""Throttle: when the next request may be sent, for all threads of a sender."""

import threading
import time
from collections.abc import Callable

from everlake.client.errors import SendingStopped
from everlake.client.retry import RetryDelay

_MIN_GAP = 0.02
_MAX_GAP = 1.0
_GAP_GROWTH, _GAP_DECAY = 1.5, 0.95


class Throttle:
    """Holds back all requests with a key when the server asks one of them to wait.

    Exceeding the rate limit (429) also sets a gap between requests, which shrinks with each
    success. So few requests are rejected, whatever the server's limit is.

    Args:
        on_pause: called once for each pause with its reason and its seconds; not for rate limits,
            which are normal.

    Attributes:
        gap: seconds between two requests.
    """

    def __init__(self, on_pause: Callable[[str, float], None] | None = None) -> None:
        self._on_pause = on_pause
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._resume_at = 0.0
        self._reported_until = 0.0
        self.gap = 0.0
        self._next_at = 0.0

    def wait(self) -> None:
        """Return when the next request may be sent.

        Raises:
            SendingStopped: :meth:`stop` was called.
        """
        with self._lock:
            turn = max(time.monotonic(), self._next_at, self._resume_at)
            self._next_at = turn + self.gap
        while (seconds := max(turn, self._resume_at) - time.monotonic()) > 0:
            if self._stopped.wait(seconds):
                break
        if self._stopped.is_set():
            raise SendingStopped

    def back_off(self, delay: RetryDelay) -> None:
        """Hold all requests back for the delay, and return when this one may be made again.

        Raises:
            SendingStopped: :meth:`stop` was called.
        """
        now = time.monotonic()
        with self._lock:
            if delay.rate_limited:
                self.gap = min(max(self.gap * _GAP_GROWTH, _MIN_GAP), _MAX_GAP)
            self._resume_at = max(self._resume_at, now + delay.seconds)
            is_new_pause = not delay.rate_limited and now >= self._reported_until
            if is_new_pause:
                self._reported_until = self._resume_at
        if is_new_pause and self._on_pause is not None:
            self._on_pause(delay.reason, delay.seconds)
        self.wait()

    def record_success(self) -> None:
        """Shrink the gap between requests: one succeeded."""
        with self._lock:
            self.gap = self.gap * _GAP_DECAY if self.gap > _MIN_GAP / 10 else 0.0

    def stop(self) -> None:
        """Let no further request be sent."""
        self._stopped.set()
