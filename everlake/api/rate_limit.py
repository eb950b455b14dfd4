"""How many requests a key may make (contract, Limits)."""

import time

from everlake.contract.errors import ErrorCode, WireError

_ROUNDING = 1e-6
"""Seconds: more than a burst's sums lose on a clock that has run for years."""


class RateLimit:
    """The generic cell rate algorithm (ITU-T I.371, its virtual scheduling form).

    Each key has one number: the time at which its bucket will be empty again.

    Args:
        per_second: requests a second a key may keep up.
        burst: requests it may make at once after a pause.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self._interval = 1.0 / per_second
        self._tolerance = self._interval * (burst - 1)
        self._empty_at: dict[str, float] = {}

    def take(self, key_id: str, now: float | None = None) -> None:
        """Count one request.

        Args:
            key_id: whose request it is.
            now: seconds on a clock that never goes back; the monotonic clock by default.

        Raises:
            WireError: ``RATE_LIMITED``, with the seconds to wait.
        """
        now = time.monotonic() if now is None else now
        empty_at = max(self._empty_at.get(key_id, 0.0), now)
        wait = empty_at - self._tolerance - now
        if wait > _ROUNDING:
            raise WireError(
                ErrorCode.RATE_LIMITED,
                "This key makes too many requests: wait for the seconds in Retry-After.",
                retry_after=round(wait + 0.0005, 3),
            )
        self._empty_at[key_id] = empty_at + self._interval
