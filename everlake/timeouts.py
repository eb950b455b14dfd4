"""Time limit for blocking calls out of an event loop."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from everlake.contract.errors import unavailable

_P = ParamSpec("_P")
_R = TypeVar("_R")


async def run_with_timeout(
    seconds: float, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs
) -> _R:
    """Call ``function`` in a thread and return its result.

    The limit covers the wait for a free thread: a database that hangs may occupy all of them. A
    call that has not begun by then is dropped; one that runs goes on, and its result is ignored.

    Args:
        seconds: the limit.
        function: may block.
        args: passed to ``function``.
        kwargs: passed to ``function``.

    Raises:
        WireError: ``UNAVAILABLE`` after ``seconds``.
        Exception: whatever ``function`` raises.
    """
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(function, *args, **kwargs)
    except TimeoutError:
        raise unavailable(
            "The database does not answer in time: it is down or overloaded. Try again later."
        ) from None
