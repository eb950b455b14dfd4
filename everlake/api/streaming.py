"""Streaming responses: content of any size, a chunk of it in memory at a time."""

import asyncio
from collections.abc import Iterator, Mapping

from litestar.types import Receive, Scope, Send

from everlake.api.request_body import GRACE_SECONDS, LEAST_SPEED
from everlake.logs import logger
from everlake.storage import StorageError

_log = logger()


class StreamingResponse:
    """ASGI application that sends a status, headers and the chunks of a content.

    When not all of the content can be sent, the connection ends before as many bytes as
    ``Content-Length`` says: the client sees that the content is incomplete.

    Args:
        status: of the response.
        headers: with names in lower case.
        chunks: the content; reading one may block. None for a response without a body.
        size: bytes of all chunks.
        read_timeout: seconds in which a chunk must have been read from its source.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        chunks: Iterator[bytes] | None = None,
        *,
        size: int = 0,
        read_timeout: float = 0.0,
    ) -> None:
        self._status = status
        self._headers = headers
        self._chunks = chunks
        self._size = size
        self._read_timeout = read_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send the response."""
        headers = [(name.encode(), value.encode()) for name, value in self._headers.items()]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        if self._chunks is not None:
            disconnected = asyncio.create_task(wait_for_disconnect(receive))
            try:
                if not await self._send_chunks(self._chunks, send, disconnected):
                    return
            finally:
                disconnected.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_chunks(
        self, chunks: Iterator[bytes], send: Send, disconnected: "asyncio.Task[None]"
    ) -> bool:
        """Send the chunks; return whether all of them were sent."""
        sent = 0
        try:
            while (chunk := await self.read_chunk(chunks)) is not None:
                if disconnected.done():
                    return False
                sent += len(chunk)
                # The client has to read each chunk at the least speed.
                async with asyncio.timeout(GRACE_SECONDS + len(chunk) / LEAST_SPEED):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except StorageError as error:
            _log.error("stored content cannot be read to its end", reason=str(error), sent=sent)
        except TimeoutError:
            _log.info("client reads its response too slowly", sent=sent)
        return sent == self._size

    async def read_chunk(self, chunks: Iterator[bytes]) -> bytes | None:
        """Return the next chunk, None after the last one.

        After a timeout the thread still runs inside of ``chunks``: nobody may close or read it
        any more.

        Raises:
            StorageError: the content cannot be read, or not in time.
        """
        try:
            async with asyncio.timeout(self._read_timeout):
                return await asyncio.to_thread(next, chunks, None)
        except TimeoutError:
            raise StorageError(f"no chunk within {self._read_timeout} seconds") from None


async def wait_for_disconnect(receive: Receive) -> None:
    """Return when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
