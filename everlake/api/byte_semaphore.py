"""Byte semaphore: bounds the memory that request bodies take at a time."""

import asyncio
from collections import Counter
from types import TracebackType
from typing import Self

from everlake.contract.errors import unavailable
from everlake.fair_threads import OWNER


class Reservation:
    """Bytes that a request has taken from a semaphore, until they are released.

    A context manager: the bytes are released at the end of the block. Only for the event loop's
    thread.

    Args:
        semaphore: from which the bytes are taken.
        owner: whose share they count to.
    """

    def __init__(self, semaphore: "ByteSemaphore", owner: str) -> None:
        self._semaphore = semaphore
        self._owner = owner
        self._size = 0
        parent = semaphore.parent
        self._outer = None if parent is None else Reservation(parent, owner)

    async def resize(self, size: int) -> None:
        """Reserve ``size`` bytes in place of those before, or the owner's share if that is less.

        A request that has to wait gives back what it has: two that hold a part of their bytes and
        wait for the rest would wait for each other.

        Raises:
            WireError: ``UNAVAILABLE`` when too few bytes have become free in time; nothing is
                reserved then.
        """
        size = min(size, self._semaphore.share)
        if not self._semaphore.try_take(size - self._size, self._owner):
            self.release()
            await self._semaphore.take(size, self._owner)
        self._size = size
        if self._outer is not None:
            try:
                await self._outer.resize(size)
            except BaseException:
                self.release()
                raise

    def release(self) -> None:
        """Give the bytes back; the second call does nothing."""
        size, self._size = self._size, 0
        self._semaphore.give_back(size, self._owner)
        if self._outer is not None:
            self._outer.release()

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
        self.share = capacity if share is None else share
        self.parent = parent
        self._reserved: Counter[str] = Counter()
        self._free = capacity
        self._timeout = timeout
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
        reservation = Reservation(self, OWNER.get())
        await reservation.resize(size)
        return reservation

    async def take(self, size: int, owner: str) -> None:
        """Wait for ``size`` bytes, and take them.

        Raises:
            WireError: ``UNAVAILABLE`` when too few bytes have become free in time.
        """
        try:
            async with asyncio.timeout(self._timeout):
                while not self.try_take(size, owner):
                    self._released.clear()
                    await self._released.wait()
        except TimeoutError:
            raise unavailable("The server has too many large requests at once.") from None

    def try_take(self, size: int, owner: str) -> bool:
        """Take ``size`` bytes if they are free, and return whether they were.

        A negative size gives bytes back.
        """
        if size <= 0:
            self.give_back(-size, owner)
            return True
        if self._free < size or self._reserved[owner] + size > self.share:
            return False
        self._free -= size
        self._reserved[owner] += size
        return True

    def give_back(self, size: int, owner: str) -> None:
        """Give back bytes that were taken."""
        if not size:
            return
        self._free += size
        self._reserved[owner] -= size
        if not self._reserved[owner]:
            del self._reserved[owner]
        self._released.set()
