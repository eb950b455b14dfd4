"""Reading of request bodies, within a size and a time."""

import asyncio
import time
from collections.abc import AsyncGenerator

from litestar.types import Receive

from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest.body_reader import BodyReader

LEAST_SPEED = 16 * 1024
"""Bytes a second at which a body has to arrive, after the first seconds."""
GRACE_SECONDS = 10.0
_MAX_LENGTH_DIGITS = 20
_WHOLE_BODY_HINT = "Send as many bytes as Content-Length says, in one request."
UPLOAD_HINT = "GET this upload to see which parts are missing, and send those."


async def read_body(receive: Receive, reader: BodyReader, seconds: float) -> bytes:
    """Return the whole body, decompressed by ``reader``.

    Args:
        receive: the ASGI channel.
        reader: checks the size while it reads.
        seconds: until the last byte must have arrived.

    Raises:
        WireError: ``INVALID_BODY`` when the body ends early or arrives too slowly, and the errors
            of ``reader``.
    """
    try:
        async with asyncio.timeout(seconds):
            async for chunk in _receive_chunks(receive, _WHOLE_BODY_HINT):
                reader.feed(chunk)
            return reader.finish()
    except TimeoutError:
        raise _incomplete_body(_WHOLE_BODY_HINT) from None


class BodyPartReader:
    """Reads the body of an upload in parts, each into memory of its own.

    Args:
        receive: the ASGI channel.
        timeout: seconds until all bytes of a part must have arrived.
    """

    def __init__(self, receive: Receive, timeout: float) -> None:
        self._chunks = _receive_chunks(receive, UPLOAD_HINT)
        self._timeout = timeout
        self._remainder = b""

    async def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, or fewer at the end of the body.

        Raises:
            WireError: ``INVALID_BODY`` when the body ends early or arrives too slowly.
        """
        held: list[bytes] = []
        missing = size
        try:
            async with asyncio.timeout(self._timeout):
                while missing:
                    chunk = self._remainder or await anext(self._chunks, None)
                    if chunk is None:
                        break
                    held.append(chunk[:missing])
                    self._remainder = chunk[missing:]
                    missing -= len(held[-1])
        except TimeoutError:
            raise _incomplete_body(UPLOAD_HINT) from None
        return b"".join(held)


def declared_length(content_length: str | None, default: int) -> int:
    """Return the bytes that a ``Content-Length`` header declares, or ``default`` without one."""
    if content_length is None or not content_length.isascii() or not content_length.isdigit():
        return default
    return int(content_length[:_MAX_LENGTH_DIGITS])


async def _receive_chunks(receive: Receive, hint: str) -> AsyncGenerator[bytes]:
    """Yield the chunks of a body, none of them empty.

    Only the time counts in which a chunk is waited for.
    """
    more = True
    received = 0
    waited = 0.0
    while more:
        began = time.monotonic()
        try:
            async with asyncio.timeout(GRACE_SECONDS + received / LEAST_SPEED - waited):
                message = await receive()
        except TimeoutError:
            raise _incomplete_body(hint) from None
        waited += time.monotonic() - began
        if message["type"] == "http.disconnect":
            raise _incomplete_body(hint)
        if message["type"] == "http.request":
            more = message["more_body"]
            if message["body"]:
                received += len(message["body"])
                yield message["body"]


def _incomplete_body(hint: str) -> WireError:
    return WireError(ErrorCode.INVALID_BODY, f"The body ended early, or arrived too slowly. {hint}")
