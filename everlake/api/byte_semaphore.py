"""Byte semaphore: bounds the memory that request bodies take at a time."""

import asyncio
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from everlake.contract.errors import unavailable
from everlake.fair_threads import OWNER


class Reservation:
    """Bytes that are taken from a semaphore until they are released.

    A context manager: the bytes are released at the end of the block. Only for the event loop's
    thread.
    """

    def __init__(self, release: Callable[[], None]) -> None:
        self._release: Callable[[], None] | None = release

    def release(self) -> None:
        """Give the bytes back; the second call does nothing."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class ByteSemaphore:
    """A number of bytes that requests reserve; a request waits while too few are free.

    While it waits, its body stays with the client.

    Args:
        capacity: bytes that may be reserved at a time.
        timeout: seconds to wait for free bytes.
        share: bytes that one owner may reserve at a time; an owner is a workspace, see
            :data:`~everlake.fair_threads.OWNER`. All of them by default.
        parent: a semaphore from which each reservation takes its bytes as well; this one bounds
            the share of one kind of request.
    """

    def __init__(
        self,
        capacity: int,
        timeout: float,
        *,
        share: int | None = None,
        parent: "ByteSemaphore | None" = None,
    ) -> None:
        self._share = capacity if share is None else share
        self._reserved: Counter[str] = Counter()
        self._free = capacity
        self._timeout = timeout
        self._parent = parent
        self._released = asyncio.Event()

    @property
    def free(self) -> int:
        """Bytes that can be reserved now."""
        return self._free

    async def acquire(self, size: int) -> Reservation:
        """Reserve ``size`` bytes, or the owner's whole share where that is less.

        Raises:
            WireError: ``UNAVAILABLE`` when too few bytes have become free in time.
        """
        reservation = await self._acquire_own(min(size, self._share), OWNER.get())
        if self._parent is None:
            return reservation
        try:
            outer = await self._parent.acquire(size)
        except BaseException:
            reservation.release()
            raise

        def release() -> None:
            reservation.release()
            outer.release()

        return Reservation(release)

    async def _acquire_own(self, size: int, owner: str) -> Reservation:
        try:
            async with asyncio.timeout(self._timeout):
                while self._free < size or self._reserved[owner] + size > self._share:
                    self._released.clear()
                    await self._released.wait()
        except TimeoutError:
            raise unavailable("The server has too many large requests at once.") from None
        self._free -= size
        self._reserved[owner] += size
        return Reservation(lambda: self._release(size, owner))

    def _release(self, size: int, owner: str) -> None:
        self._free += size
        self._reserved[owner] -= size
        if not self._reserved[owner]:
            del self._reserved[owner]
        self._released.set()
