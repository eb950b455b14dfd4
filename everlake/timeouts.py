"""Time limits for blocking calls out of an event loop."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import ParamSpec, TypeVar

from everlake.contract.errors import WireError, unavailable

_P = ParamSpec("_P")
_R = TypeVar("_R")

DATABASE_TIMEOUT_MESSAGE = (
    "The database does not answer in time: it is down or overloaded. Try again later."
)
_LAKE_TIMEOUT = (
    "The lake does not answer in time: it is slow now, or the request asks for too much. Ask for "
    "a smaller page or with more filters, or try again later."
)
_STORAGE_TIMEOUT = "The storage does not answer in time: it is down or overloaded. Try again later."


async def run_in_thread(
    seconds: float, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs
) -> _R:
    """Call ``function`` in a thread of the default pool, and return its result.

    The limit covers the wait for a free thread: a database that hangs may occupy all of them. A
    call that has not begun by then is dropped; one that runs goes on, and its result is ignored.

    Args:
        seconds: the limit.
        function: may block.
        args: passed to ``function``.
        kwargs: passed to ``function``.

    Raises:
        TimeoutError: after ``seconds``.
        Exception: whatever ``function`` raises.
    """
    async with asyncio.timeout(seconds):
        return await run_in_pool(None, function, *args, **kwargs)


async def run_in_pool(
    pool: Executor | None, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs
) -> _R:
    """Call ``function`` in a thread of ``pool``, in this context; of the default one for None.

    A call that has not begun when this is cancelled is dropped.

    Raises:
        Exception: whatever ``function`` raises.
    """
    call = partial(contextvars.copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(pool, call)


async def run_with_timeout(
    seconds: float, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs
) -> _R:
    """Call ``function``, which waits for the database, as :func:`run_in_thread` does.

    Raises:
        WireError: ``UNAVAILABLE`` after ``seconds``.
        Exception: whatever ``function`` raises.
    """
    try:
        return await run_in_thread(seconds, function, *args, **kwargs)
    except TimeoutError:
        raise unavailable(DATABASE_TIMEOUT_MESSAGE) from None


async def run_storage_call(
    seconds: float, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs
) -> _R:
    """Call ``function``, which waits for the storage, as :func:`run_in_thread` does.

    Raises:
        WireError: ``UNAVAILABLE`` after ``seconds``.
        Exception: whatever ``function`` raises.
    """
    try:
        return await run_in_thread(seconds, function, *args, **kwargs)
    except TimeoutError:
        raise storage_timeout() from None


async def run_lake_call(
    pool: Executor, seconds: float, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs
) -> _R:
    """Call ``function``, which reads the lake, in a thread of ``pool``.

    The limit covers the wait for a free thread. A call that has not begun by then is dropped.

    Raises:
        WireError: ``UNAVAILABLE`` after ``seconds``.
        Exception: whatever ``function`` raises.
    """
    try:
        async with asyncio.timeout(seconds):
            return await run_in_pool(pool, function, *args, **kwargs)
    except TimeoutError:
        raise unavailable(_LAKE_TIMEOUT) from None


async def run_storage_call_to_its_end(
    seconds: float, on_end: Callable[[], object], function: Callable[[], _R]
) -> _R:
    """Call ``function`` in a thread, and ``on_end`` once it has ended, however late that is.

    For calls that hold memory which is accounted for: a call that the time limit passes still
    holds it. Such a call, and one that waits for a thread, is carried out all the same.

    Args:
        seconds: the limit after which this function returns.
        on_end: called in the event loop's thread.
        function: may block.

    Raises:
        WireError: ``UNAVAILABLE`` after ``seconds``; ``function`` may have succeeded or not.
        Exception: whatever ``function`` raises.
    """
    call = partial(contextvars.copy_context().run, function)
    future = asyncio.get_running_loop().run_in_executor(None, call)

    def end(ended: "asyncio.Future[_R]") -> None:
        on_end()
        if not ended.cancelled():
            # An error that nobody waits for any more would be logged by asyncio.
            ended.exception()

    future.add_done_callback(end)
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.shield(future)
    except TimeoutError:
        raise storage_timeout() from None


def storage_timeout() -> WireError:
    """Return the 503 of a storage that does not answer in time."""
    return unavailable(_STORAGE_TIMEOUT)
