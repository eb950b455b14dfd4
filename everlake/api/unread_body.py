"""Unread body: receives and discards what a client still sends after an early answer.

Many clients write the whole body before they read. If the server closed the connection as soon as
it has answered, they would see a broken pipe in place of the answer.
"""

import asyncio
from contextlib import suppress

from litestar.types import HTTPScope, Receive

SECONDS = 10.0
"""Longest time from the answer to the end of the connection."""
LEAST_BYTES = 64 * 1024 * 1024
"""Bytes that are discarded at most, where twice the limit of a body is less."""


def most_discarded(body_limit: int) -> int:
    """Return the bytes of an unread body that are received, for the limit of a body."""
    return max(2 * body_limit, LEAST_BYTES)


async def discard(receive: Receive, most_bytes: int) -> None:
    """Receive the rest of a body and keep none of it: until its end, or the first bound.

    Args:
        receive: the ASGI channel.
        most_bytes: after which the connection is given up.
    """
    left = most_bytes
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message["more_body"]:
                    return
                left -= len(message["body"])


def has_body(scope: HTTPScope) -> bool:
    """Return whether a request has a body."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


def waits_for_continue(scope: HTTPScope) -> bool:
    """Return whether the client sends the body only when it is asked to (RFC 9110, 10.1.1)."""
    return any(
        name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"]
    )
