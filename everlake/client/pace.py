"""When the next request may go out, for all that have one to send."""

import threading
import time
from collections.abc import Callable

from everlake.client.client import Delay

_FIRST_GAP = 0.02
_LONGEST_GAP = 1.0
_WIDER, _NARROWER = 1.5, 0.95


class Stopped(Exception):
    """The request is not sent any more, because somebody said stop."""


class Pace:
    """Holds back every sender of a key when one of them was told to come back later.

    Refusals for the rate (429) also set a gap between requests, which closes slowly while there
    are none: so few requests are sent in vain, whatever the server's limit is.

    Args:
        notice: told once a pause why it is, and for how many seconds; not of rate limits, which
            are the normal thing.
    """

    def __init__(self, notice: Callable[[str, float], None] | None = None) -> None:
        self._notice = notice
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._resume_at = 0.0
        self._noticed_until = 0.0
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
            raise Stopped

    def delay(self, delay: Delay) -> None:
        """Hold everybody back for as long as one was told, and return when it may try again.

        Raises:
            Stopped: see :meth:`wait`.
        """
        now = time.monotonic()
        with self._lock:
            if delay.limited:
                self._gap = min(max(self._gap * _WIDER, _FIRST_GAP), _LONGEST_GAP)
            self._resume_at = max(self._resume_at, now + delay.seconds)
            tell = not delay.limited and now >= self._noticed_until
            if tell:
                self._noticed_until = self._resume_at
        if tell and self._notice is not None:
            self._notice(delay.reason, delay.seconds)
        self.wait()

    def went_well(self) -> None:
        """One request was taken at the first try."""
        with self._lock:
            self._gap = self._gap * _NARROWER if self._gap > _FIRST_GAP / 10 else 0.0

    def stop(self) -> None:
        """Let nothing out any more."""
        self._stopped.set()
