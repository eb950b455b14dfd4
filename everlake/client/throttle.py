"""Throttle: when the next request may be sent, for all threads of a sender."""

import threading
import time
from collections.abc import Callable

from everlake.client.errors import SendingStopped
from everlake.client.retry import RetryDelay

_MIN_GAP, _MAX_GAP = 0.02, 10.0
_GAP_DECAY = 0.99


class Throttle:
    """Holds back all requests with a key when the server asks one of them to wait.

    Exceeding the rate limit (429) also sets a gap between requests. Whenever the server refuses
    one, all that it had saved up for the key is used, so what succeeded since the last time is the
    rate that it takes. The gap shrinks with each success, in case it takes more by now. The
    refusals of requests that were on the way together count as one.

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
        self._limited_at: float | None = None
        self._successes = 0

    @property
    def is_rate_limited(self) -> bool:
        """Whether requests are held back because of the rate limit."""
        return self.gap > 0.0

    def wait(self) -> None:
        """Return when the next request may be sent.

        Raises:
            SendingStopped: :meth:`stop` was called.
        """
        while not self._stopped.wait(self._seconds_to_turn()):
            with self._lock:
                now = time.monotonic()
                if now >= max(self._next_at, self._resume_at):
                    self._next_at = now + self.gap
                    return
        raise SendingStopped

    def _seconds_to_turn(self) -> float:
        return max(0.0, max(self._next_at, self._resume_at) - time.monotonic())

    def back_off(self, delay: RetryDelay) -> None:
        """Hold all requests back for the delay, and return when this one may be made again.

        Raises:
            SendingStopped: :meth:`stop` was called.
        """
        now = time.monotonic()
        with self._lock:
            if delay.rate_limited and now >= self._resume_at:
                self._widen_gap(now)
            self._resume_at = max(self._resume_at, now + delay.seconds)
            is_new_pause = not delay.rate_limited and now >= self._reported_until
            if is_new_pause:
                self._reported_until = self._resume_at
        if is_new_pause and self._on_pause is not None:
            self._on_pause(delay.reason, delay.seconds)
        self.wait()

    def _widen_gap(self, now: float) -> None:
        gap = _MIN_GAP
        if self._limited_at is not None and self._successes:
            gap = (now - self._limited_at) / self._successes
        self.gap = min(max(gap, self.gap, _MIN_GAP), _MAX_GAP)
        self._limited_at, self._successes = now, 0

    def record_success(self) -> None:
        """Shrink the gap between requests: one succeeded."""
        with self._lock:
            self._successes += 1
            self.gap = self.gap * _GAP_DECAY if self.gap > _MIN_GAP / 10 else 0.0

    def stop(self) -> None:
        """Let no further request be sent."""
        self._stopped.set()
