"""Limit on the number of concurrent requests to one host."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from everlake.attachments.fetching.types import CANCELLATION_POLL_SECONDS
from everlake.attachments.fetching.url import ParsedUrl


class _HostSlots:
    """Slots of one host, which exist while anyone holds or awaits one."""

    __slots__ = ("semaphore", "users")

    def __init__(self, limit: int) -> None:
        self.semaphore = threading.Semaphore(limit)
        self.users = 0


class HostLimits:
    """Semaphores by host and port; safe for many threads.

    Args:
        per_host: largest number of concurrent requests to a host and port.
    """

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._lock = threading.Lock()
        self._slots: dict[tuple[str, int], _HostSlots] = {}

    @contextmanager
    def hold(self, location: ParsedUrl, check_cancellation: Callable[[], None]) -> Generator[None]:
        """Hold one slot of the host and port of ``location``, waiting until one is free.

        Args:
            location: the URL to be requested.
            check_cancellation: called while waiting; its exception ends the wait.
        """
        key = (location.host, location.port)
        with self._lock:
            slots = self._slots.setdefault(key, _HostSlots(self._per_host))
            slots.users += 1
        try:
            while not slots.semaphore.acquire(timeout=CANCELLATION_POLL_SECONDS):
                check_cancellation()
            try:
                yield
            finally:
                slots.semaphore.release()
        finally:
            with self._lock:
                slots.users -= 1
                if not slots.users:
                    del self._slots[key]
