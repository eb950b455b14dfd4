"""A request's body off the wire: within its size, its time, and the memory there is for bodies."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from litestar.types import Receive

from everlake.contract.errors import ErrorCode, WireError, unavailable
from everlake.ingest.body_reader import BodyReader


class ByteSemaphore:
    """Room for bodies. Who finds none waits, its bytes still with the client.

    Args:
        most: bytes of bodies held at once.
        patience: seconds to wait for room.
    """

    def __init__(self, capacity: int, timeout: float) -> None:
        self._capacity = capacity
        self._free = capacity
        self._timeout = timeout
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def reserve(self, size: int) -> AsyncGenerator[None]:
        """Hold room for ``size`` bytes (at most all there is).

        Raises:
            WireError: ``UNAVAILABLE`` when there was no room in time.
        """
        size = min(size, self._capacity)
        try:
            async with asyncio.timeout(self._timeout), self._changed:
                await self._changed.wait_for(lambda: self._free >= size)
                self._free -= size
        except TimeoutError:
            raise unavailable("The server has too many large requests at once.") from None
        try:
            yield
        finally:
            self._free += size
            async with self._changed:
                self._changed.notify_all()


async def read_body(receive: Receive, reader: BodyReader, timeout: float) -> bytes:
    """The whole body through ``reader``.

    Args:
        receive: the ASGI channel.
        reader: decompresses, and enforces the size while reading.
        timeout: seconds for the last byte to have come.

    Raises:
        WireError: ``INVALID_BODY`` when the body stops half way, and what ``reader`` raises.
    """
    try:
        async with asyncio.timeout(timeout):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _incomplete_body()
                if message["type"] == "http.request":
                    reader.feed(message["body"])
                    if not message["more_body"]:
                        return reader.finish()
    except TimeoutError:
        raise _incomplete_body() from None


def declared_length(content_length: str | None, default: int) -> int:
    """The bytes that a ``Content-Length`` header announces, or ``default`` where it does not."""
    if content_length is None or not content_length.isascii() or not content_length.isdigit():
        return default
    return int(content_length[:20])


def _incomplete_body() -> WireError:
    return WireError(
        ErrorCode.INVALID_BODY,
        "The body stopped before its end: send as many bytes as Content-Length says, in one go.",
    )
