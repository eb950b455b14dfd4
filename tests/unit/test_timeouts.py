"""Time limits for blocking calls."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest
import structlog

from everlake.contract.errors import ErrorCode, WireError
from everlake.timeouts import run_storage_call, run_storage_call_to_its_end, run_with_timeout

SECONDS = 0.05
MAX_THREADS = 64


@pytest.mark.parametrize(
    ("run", "named"), [(run_with_timeout, "database"), (run_storage_call, "storage")]
)
def test_a_call_that_takes_too_long_is_a_503_that_names_what_is_down(
    run: Callable[..., Coroutine[Any, Any, Any]], named: str
) -> None:
    proceed = threading.Event()

    async def call() -> None:
        try:
            await run(SECONDS, proceed.wait)
        finally:
            proceed.set()

    with pytest.raises(WireError, match=f"The {named} does not answer in time") as error:
        asyncio.run(call())
    assert error.value.code is ErrorCode.UNAVAILABLE
    assert error.value.retry_after


@pytest.mark.parametrize("run", [run_with_timeout, run_storage_call])
def test_results_and_errors_of_a_call_are_passed_on(
    run: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    def fail() -> None:
        raise ValueError("for the test")

    assert asyncio.run(run(60, divmod, 7, 2)) == (3, 1)
    with pytest.raises(ValueError, match="for the test"):
        asyncio.run(run(60, fail))


@pytest.mark.parametrize("run", [run_with_timeout, run_storage_call])
def test_a_call_that_waits_for_a_thread_longer_than_the_limit_is_never_made(
    run: Callable[..., Coroutine[Any, Any, Any]],
) -> None:
    proceed = threading.Event()
    made: list[int] = []

    async def call() -> None:
        occupied = [asyncio.create_task(run(60, proceed.wait)) for _ in range(MAX_THREADS)]
        await asyncio.sleep(0.01)
        with pytest.raises(WireError):
            await run(SECONDS, made.append, 1)
        proceed.set()
        await asyncio.gather(*occupied)

    asyncio.run(call())
    assert not made


def test_the_end_of_a_call_is_told_when_its_thread_has_ended_however_late() -> None:
    proceed = threading.Event()

    async def call() -> None:
        ended = asyncio.Event()
        with pytest.raises(WireError, match="The storage does not answer in time"):
            await run_storage_call_to_its_end(SECONDS, ended.set, proceed.wait)
        await asyncio.sleep(SECONDS)
        assert not ended.is_set()
        proceed.set()
        await ended.wait()

    asyncio.run(call())


def test_a_call_that_waits_for_a_thread_is_made_after_the_limit_too() -> None:
    proceed = threading.Event()
    made: list[int] = []

    async def call() -> None:
        ended = asyncio.Event()
        occupied = [
            asyncio.create_task(run_storage_call(60, proceed.wait)) for _ in range(MAX_THREADS)
        ]
        await asyncio.sleep(0.01)
        with pytest.raises(WireError):
            await run_storage_call_to_its_end(SECONDS, ended.set, partial(made.append, 1))
        assert not ended.is_set()
        proceed.set()
        await asyncio.gather(*occupied)
        await ended.wait()

    asyncio.run(call())
    assert made == [1]


def test_an_error_after_the_limit_is_not_reported_by_asyncio() -> None:
    proceed = threading.Event()
    reported: list[dict[str, Any]] = []

    def fail() -> None:
        proceed.wait()
        raise ValueError("nobody waits for it")

    async def call() -> None:
        ended = asyncio.Event()
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: reported.append(context)
        )
        with pytest.raises(WireError):
            await run_storage_call_to_its_end(SECONDS, ended.set, fail)
        proceed.set()
        await ended.wait()

    asyncio.run(call())
    assert not reported


def test_the_end_is_told_before_the_result_is_returned() -> None:
    async def call() -> tuple[int, bool]:
        ended = threading.Event()
        result = await run_storage_call_to_its_end(60, ended.set, lambda: 7)
        return result, ended.is_set()

    assert asyncio.run(call()) == (7, True)


def test_a_call_keeps_the_request_s_context() -> None:
    async def call() -> dict[str, Any]:
        with structlog.contextvars.bound_contextvars(request_id="r"):
            return await run_storage_call_to_its_end(
                60, lambda: None, structlog.contextvars.get_contextvars
            )

    assert asyncio.run(call()) == {"request_id": "r"}
