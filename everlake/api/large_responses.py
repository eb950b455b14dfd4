"""Large JSON responses: their memory is bounded, also while a client does not read them."""

from collections.abc import Awaitable, Callable, Iterator

from litestar.types import ASGIApp, Receive, Scope, Send

from everlake.api.byte_semaphore import ByteSemaphore, Reservation
from everlake.api.responses import JSON
from everlake.api.streaming import StreamingResponse
from everlake.lake.paging import MAX_PAGE_BYTES

RESERVED_BYTES = MAX_PAGE_BYTES
"""Bytes that are reserved before the size of a response is known."""
_CHUNK_BYTES = 64 * 1024


async def large_json_response(
    memory: ByteSemaphore, build: Callable[[], Awaitable[bytes]]
) -> ASGIApp:
    """Return a response with the JSON of ``build``, in the memory that there is for responses.

    Its memory is free again once the client has read all but what the system holds for it.

    Args:
        memory: from which the bytes of the response are reserved.
        build: returns the body; called once there is memory for it.

    Raises:
        WireError: ``UNAVAILABLE`` without memory in time.
        Exception: whatever ``build`` raises.
    """
    reservation = await memory.acquire(RESERVED_BYTES)
    try:
        body = await build()
        await reservation.resize(len(body))
    except BaseException:
        reservation.release()
        raise
    return _LargeResponse(body, reservation)


class _LargeResponse(StreamingResponse):
    """Sends a body that is in memory, and releases its memory at the end."""

    def __init__(self, body: bytes, reservation: Reservation) -> None:
        headers = {"content-type": JSON, "content-length": str(len(body))}
        starts = range(0, len(body), _CHUNK_BYTES)
        chunks = (body[start : start + _CHUNK_BYTES] for start in starts)
        super().__init__(200, headers, chunks, size=len(body))
        self._reservation = reservation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._reservation:
            await super().__call__(scope, receive, send)

    async def read_chunk(self, chunks: Iterator[bytes]) -> bytes | None:
        return next(chunks, None)
