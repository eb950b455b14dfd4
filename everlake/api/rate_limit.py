"""How many requests a key may make (contract, Limits), over all API processes there are."""

import fcntl
import hashlib
import os
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from everlake.catalog import rate_limits
from everlake.catalog.database import Catalog
from everlake.contract.errors import ErrorCode, WireError
from everlake.logs import logger
from everlake.settings.defaults import DATABASE_TIMEOUT_SECONDS
from everlake.timeouts import run_with_timeout

_ROUNDING = 1e-6
"""Seconds: more than a burst's sums lose on a clock that has run for years."""
_MAX_SKEW = 1.0
"""Seconds by which another process's time may be ahead, if that one had to do without the lock."""
_ENTRY = struct.Struct("=16sd")
"""A key's digest, and the time at which its bucket will be empty."""
_ENTRIES_PER_PAGE = 16
_PAGE_BYTES = _ENTRY.size * _ENTRIES_PER_PAGE
_PAGE_COUNT = 256
_LOCK_ATTEMPTS = 200

_log = logger()


class RateLimiter(ABC):
    """How often each key may ask."""

    @abstractmethod
    async def acquire(self, key_id: str) -> None:
        """Count one request.

        Raises:
            WireError: ``RATE_LIMITED``, with the seconds to wait.
            CatalogUnavailable: it cannot be counted now.
        """


class LocalRateLimiter(RateLimiter):
    """The generic cell rate algorithm (ITU-T I.371, its virtual scheduling form).

    Each key has one number: the time at which its bucket will be empty again. It stands in a
    file that all API processes of the machine share; where the file fails, each counts alone.

    Args:
        per_second: requests a second a key may keep up.
        burst: requests it may make at once after a pause.
        file: where the numbers stand; made where it is missing. None keeps them in memory.
    """

    def __init__(self, per_second: float, burst: int, file: Path | None = None) -> None:
        self._interval = 1.0 / per_second
        self._tolerance = self._interval * (burst - 1)
        self._arrival_times = ArrivalTimes() if file is None else _open_arrival_times(file)

    async def acquire(self, key_id: str) -> None:
        self.acquire_at(key_id)

    def acquire_at(self, key_id: str, now: float | None = None) -> None:
        """Count one request.

        Args:
            key_id: whose request it is.
            now: seconds on the machine's monotonic clock, which never goes back.

        Raises:
            WireError: ``RATE_LIMITED``, with the seconds to wait.
        """
        try:
            wait = self._reserve(key_id, now)
        except OSError as error:
            _log.warning("requests are counted in each process alone", reason=str(error))
            self._arrival_times = ArrivalTimes()
            wait = self._reserve(key_id, now)
        if wait > _ROUNDING:
            raise _rate_limited(wait)

    def _reserve(self, key_id: str, at: float | None) -> float:
        """Seconds to wait; where there are none, the request is counted."""
        with self._arrival_times.exclusive():
            now = time.monotonic() if at is None else at
            empty_at = self._arrival_times.get(key_id, now)
            # A time that no counting leads to is from before the machine's last start.
            if not now < empty_at <= now + self._tolerance + self._interval + _MAX_SKEW:
                empty_at = now
            wait = empty_at - self._tolerance - now
            if wait <= _ROUNDING:
                self._arrival_times.put(key_id, empty_at + self._interval, now)
        return wait


class CatalogRateLimiter(RateLimiter):
    """The same over all machines that share a database: a row for each key.

    Args:
        catalog: has the rows.
        per_second, burst: see :class:`MachineRateLimit`.
        patience: seconds to wait for the catalog.
    """

    def __init__(
        self,
        catalog: Catalog,
        per_second: float,
        burst: int,
        timeout: float = DATABASE_TIMEOUT_SECONDS,
    ) -> None:
        self._catalog = catalog
        self._timeout = timeout
        self._interval = 1.0 / per_second
        self._tolerance = self._interval * (burst - 1)

    async def acquire(self, key_id: str) -> None:
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


class ArrivalTimes:
    """A time for each key, in this process."""

    def __init__(self) -> None:
        self._times: dict[str, float] = {}

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """Keep other processes out meanwhile."""
        yield

    def get(self, key_id: str, now: float) -> float:
        """The key's time, or ``now`` where none is kept."""
        return self._times.get(key_id, now)

    def put(self, key_id: str, time: float, now: float) -> None:  # noqa: ARG002 - see SharedTimes
        """Keep the key's time."""
        self._times[key_id] = time


class FileArrivalTimes(ArrivalTimes):
    """A time for each key, in a file of pages; a key's digest tells its page.

    It is read and written, not mapped: a full disk is then an error and not the process's end.

    Raises:
        OSError: the file cannot be made, read or written; so do the methods.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._handle).st_size != _PAGE_BYTES * _PAGE_COUNT:
            os.truncate(self._handle, 0)
            os.pwrite(self._handle, bytes(_PAGE_BYTES * _PAGE_COUNT), 0)
        self._digests: dict[str, bytes] = {}

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """Keep other processes out, unless one was stopped while it held the lock."""
        held = False
        for _ in range(_LOCK_ATTEMPTS):
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.sched_yield()
            else:
                held = True
                break
        try:
            yield
        finally:
            if held:
                fcntl.flock(self._handle, fcntl.LOCK_UN)

    def get(self, key_id: str, now: float) -> float:
        """The key's time, or ``now`` where none is kept."""
        digest, _, entries = self._read_page(key_id)
        return dict(reversed(entries)).get(digest, now)

    def put(self, key_id: str, time: float, now: float) -> None:
        """Keep the key's time, in place of its last, of one that is past, or of the earliest."""
        digest, start, entries = self._read_page(key_id)
        owners = [owner for owner, _ in entries]
        if digest in owners:
            place = owners.index(digest)
        else:
            place = min(range(_ENTRIES_PER_PAGE), key=lambda entry: max(entries[entry][1], now))
        os.pwrite(self._handle, _ENTRY.pack(digest, time), start + place * _ENTRY.size)

    def _read_page(self, key_id: str) -> tuple[bytes, int, list[tuple[bytes, float]]]:
        digest = self._digests.get(key_id)
        if digest is None:
            digest = hashlib.blake2b(key_id.encode(), digest_size=16).digest()
            self._digests[key_id] = digest
        start = digest[0] * _PAGE_BYTES
        return digest, start, [*_ENTRY.iter_unpack(os.pread(self._handle, _PAGE_BYTES, start))]


def _open_arrival_times(file: Path) -> ArrivalTimes:
    try:
        return FileArrivalTimes(file)
    except OSError as error:
        _log.warning("requests are counted in each process alone", reason=str(error))
        return ArrivalTimes()
