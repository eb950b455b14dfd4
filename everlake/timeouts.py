"""Asking the database from the event loop, and for how long."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from everlake.contract.errors import ErrorCode, WireError

DATABASE_TIMEOUT_SECONDS = 15.0
"""Seconds, where nothing else is set."""
RETRY_AFTER_SECONDS = 5.0

_P = ParamSpec("_P")
_R = TypeVar("_R")


def unavailable(reason: str) -> WireError:
    """The 503 for storage or a database that is away; ``reason`` says what to do."""
    return WireError(ErrorCode.UNAVAILABLE, reason, retry_after=RETRY_AFTER_SECONDS)


async def run_with_timeout(
    timeout: float, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs
) -> _R:
    """What ``function`` returns, called in a thread.

    A database that hangs holds on to every thread there is. Questions then wait for one, and
    this ends the wait of each; those that have not begun are never asked.

    Raises:
        WireError: ``UNAVAILABLE`` after ``timeout`` seconds, and what ``function`` raises.
    """
    try:
        async with asyncio.timeout(timeout):
            return await asyncio.to_thread(function, *args, **kwargs)
    except TimeoutError:
        raise unavailable(
            "The database does not answer in time: it is down or overloaded. Try again later."
        ) from None
