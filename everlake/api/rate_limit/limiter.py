"""Rate limiters: the requests that a key may make, on one machine or on many."""

import time
from abc import ABC, abstractmethod
from pathlib import Path

from everlake.api.rate_limit.arrival_times import ArrivalTimes, FileArrivalTimes
from everlake.catalog import rate_limits
from everlake.catalog.database import Catalog
from everlake.contract.errors import ErrorCode, WireError
from everlake.logs import logger
from everlake.timeouts import run_with_timeout

_ROUNDING = 1e-6
"""Seconds; more than the rounding error of a burst on a clock that has run for years."""
_MAX_SKEW = 1.0
"""Seconds by which a time may be ahead because another process wrote it without the lock."""

_log = logger()


class RateLimiter(ABC):
    """Limits the requests of each key.

    The generic cell rate algorithm (ITU-T I.371, virtual scheduling): each key has one number,
    the time at which its bucket will be empty again.

    Args:
        per_second: requests a second that a key may keep up.
        burst: requests that it may make at once after a pause.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self._interval = 1.0 / per_second
        self._tolerance = self._interval * (burst - 1)

    @abstractmethod
    async def acquire(self, key_id: str) -> None:
        """Count one request.

        Raises:
            WireError: ``RATE_LIMITED``, with the seconds to wait; the request is not counted.
            CatalogUnavailable: the catalog, which has the counts, does not answer.
        """


class LocalRateLimiter(RateLimiter):
    """Rate limiter of one machine, whose API processes share a file.

    When the file cannot be used, each process counts its own requests.

    Args:
        per_second: see :class:`RateLimiter`.
        burst: see :class:`RateLimiter`.
        file: created when missing; None to count the requests of this process alone.
    """

    def __init__(self, per_second: float, burst: int, file: Path | None = None) -> None:
        super().__init__(per_second, burst)
        self._arrival_times = ArrivalTimes() if file is None else _open_arrival_times(file)

    async def acquire(self, key_id: str) -> None:
        """Count one request; see :meth:`RateLimiter.acquire`."""
        self.acquire_at(key_id)

    def acquire_at(self, key_id: str, now: float | None = None) -> None:
        """Count one request.

        Args:
            key_id: the key's id.
            now: seconds on the machine's monotonic clock; None to read it.

        Raises:
            WireError: ``RATE_LIMITED``, with the seconds to wait.
        """
        try:
            wait = self._reserve(key_id, now)
        except OSError as error:
            self._arrival_times = _process_arrival_times(error)
            wait = self._reserve(key_id, now)
        if wait > _ROUNDING:
            raise _rate_limited(wait)

    def _reserve(self, key_id: str, at: float | None) -> float:
        """Count the request unless it has to wait; return the seconds to wait."""
        with self._arrival_times.exclusive():
            now = time.monotonic() if at is None else at
            empty_at = self._arrival_times.get(key_id, now)
            # Any other time was stored before the machine started last.
            if not now < empty_at <= now + self._tolerance + self._interval + _MAX_SKEW:
                empty_at = now
            wait = empty_at - self._tolerance - now
            if wait <= _ROUNDING:
                self._arrival_times.put(key_id, empty_at + self._interval, now)
        return wait


class CatalogRateLimiter(RateLimiter):
    """Rate limiter of all machines that share a database, which has a row for each key.

    Args:
        catalog: has the rows.
        per_second: see :class:`RateLimiter`.
        burst: see :class:`RateLimiter`.
        timeout: longest wait for the catalog, in seconds.
    """

    def __init__(self, catalog: Catalog, per_second: float, burst: int, timeout: float) -> None:
        super().__init__(per_second, burst)
        self._catalog = catalog
        self._timeout = timeout

    async def acquire(self, key_id: str) -> None:
        """Count one request; see :meth:`RateLimiter.acquire`."""
        wait = await run_with_timeout(self._timeout, self._reserve, key_id)
        if wait:
            raise _rate_limited(wait)

    def _reserve(self, key_id: str) -> float:
        with self._catalog.autocommit() as tx:
            return rate_limits.consume(
                tx, key_id, interval=self._interval, tolerance=self._tolerance + _ROUNDING
            )


def _rate_limited(wait: float) -> WireError:
    return WireError(
        ErrorCode.RATE_LIMITED,
        "This key makes too many requests: wait for the seconds in Retry-After.",
        retry_after=round(wait + 0.0005, 3),
    )


def _open_arrival_times(file: Path) -> ArrivalTimes:
    try:
        return FileArrivalTimes(file)
    except OSError as error:
        return _process_arrival_times(error)


def _process_arrival_times(error: OSError) -> ArrivalTimes:
    _log.warning("rate limit counted in each process alone", reason=str(error))
    return ArrivalTimes()
