"""Reading of request bodies, within a size, a time and the memory that there is for them."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from litestar.types import Receive, ReceiveMessage

from everlake.api.byte_semaphore import ByteSemaphore, Reservation
from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest.body_reader import BodyReader

LEAST_SPEED = 16 * 1024
"""Bytes a second at which a body has to arrive, after the first seconds."""
GRACE_SECONDS = 10.0
FIRST_BYTES = 64 * 1024
"""Bytes that must have arrived before memory is taken for the rest of a body."""
_MAX_LENGTH_DIGITS = 20
_WHOLE_BODY_HINT = "Send as many bytes as Content-Length says, in one request."
UPLOAD_HINT = "GET this upload to see which parts are missing, and send those."


@asynccontextmanager
async def receive_body(
    receive: Receive, reader: BodyReader, length: int, memory: ByteSemaphore, seconds: float
) -> AsyncGenerator[bytes]:
    """Provide the whole body, decompressed by ``reader``; its memory is reserved in the block.

    A client that announces a body and does not send it takes little memory.

    Args:
        receive: the ASGI channel.
        reader: checks the size while it reads.
        length: bytes of the body as announced, or the most that it may have.
        memory: from which the body's bytes are reserved.
        seconds: until the last byte must have arrived.

    Raises:
        WireError: ``INVALID_BODY`` when the body ends early or arrives too slowly, ``UNAVAILABLE``
            without memory for it in time, and the errors of ``reader``.
    """
    with await memory.acquire(min(length, FIRST_BYTES)) as reservation:
        chunks = _BodyChunks(receive, seconds, _WHOLE_BODY_HINT)
        while (chunk := await chunks.next()) is not None:
            if reader.is_compressed or chunks.received > FIRST_BYTES:
                await reservation.resize(reader.most_bytes(length))
            reader.feed(chunk)
        body = reader.finish()
        await reservation.resize(len(body))
        yield body


class BodyPartReader:
    """Reads the body of an upload in parts, each into memory of its own.

    Args:
        receive: the ASGI channel.
        timeout: seconds until all bytes of a part must have arrived.
    """

    def __init__(self, receive: Receive, timeout: float) -> None:
        self._chunks = _BodyChunks(receive, timeout, UPLOAD_HINT)
        self._remainder = b""

    async def read(self, size: int, reservation: Reservation) -> bytes:
        """Return the next ``size`` bytes, or fewer at the end of the body.

        Args:
            size: of the part.
            reservation: which has the whole size once the part has begun to arrive.

        Raises:
            WireError: ``INVALID_BODY`` when the body ends early or arrives too slowly,
                ``UNAVAILABLE`` without memory for it in time.
        """
        held: list[bytes] = []
        missing = size
        self._chunks.restart()
        while missing:
            chunk = self._remainder or await self._chunks.next()
            if chunk is None:
                break
            if size - missing + len(chunk) > FIRST_BYTES:
                await reservation.resize(size)
            held.append(chunk[:missing])
            self._remainder = chunk[missing:]
            missing -= len(held[-1])
        return b"".join(held)

    async def is_at_end(self) -> bool:
        """Return whether the body has no further bytes.

        Raises:
            WireError: ``INVALID_BODY`` when the body ends early or arrives too slowly.
        """
        if not self._remainder:
            self._remainder = await self._chunks.next() or b""
        return not self._remainder


def declared_length(content_length: str | None, default: int) -> int:
    """Return the bytes that a ``Content-Length`` header declares, or ``default`` without one."""
    if content_length is None or not content_length.isascii() or not content_length.isdigit():
        return default
    return int(content_length[:_MAX_LENGTH_DIGITS])


class _BodyChunks:
    """Chunks of a body, none of them empty. Only the time counts in which one is waited for."""

    def __init__(self, receive: Receive, seconds: float, hint: str) -> None:
        self.received = 0
        self._receive = receive
        self._seconds = seconds
        self._hint = hint
        self._more = True
        self._waited = 0.0
        self._deadline = seconds

    def restart(self) -> None:
        """Allow the whole time again, for the next part."""
        self._deadline = self._waited + self._seconds

    async def next(self) -> bytes | None:
        """Return the next chunk; None at the end.

        Raises:
            WireError: ``INVALID_BODY``.
        """
        while self._more:
            message = await self._next_message()
            if message["type"] == "http.disconnect":
                raise _incomplete_body(self._hint)
            if message["type"] == "http.request":
                self._more = message["more_body"]
                if message["body"]:
                    self.received += len(message["body"])
                    return message["body"]
        return None

    async def _next_message(self) -> ReceiveMessage:
        allowed = min(self._deadline, GRACE_SECONDS + self.received / LEAST_SPEED)
        began = time.monotonic()
        try:
            async with asyncio.timeout(allowed - self._waited):
                return await self._receive()
        except TimeoutError:
            raise _incomplete_body(self._hint) from None
        finally:
            self._waited += time.monotonic() - began


def _incomplete_body(hint: str) -> WireError:
    return WireError(ErrorCode.INVALID_BODY, f"The body ended early, or arrived too slowly. {hint}")
