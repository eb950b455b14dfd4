"""A pool whose owners take turns."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, wait

import pytest

from everlake.fair_threads import OWNER, FairThreadPool

SECONDS = 20


def submit(pool: FairThreadPool, owner: str, call: Callable[[], object]) -> Future[object]:
    token = OWNER.set(owner)
    try:
        return pool.submit(call)
    finally:
        OWNER.reset(token)


def test_owners_take_turns() -> None:
    order: list[str] = []
    begun, proceed = threading.Event(), threading.Event()
    with FairThreadPool(1, 1, "t") as pool:
        submit(pool, "greedy", lambda: (begun.set(), proceed.wait(SECONDS)))
        # A call that has begun has had its turn, whatever the others' order.
        assert begun.wait(SECONDS)
        calls = [submit(pool, "greedy", lambda: order.append("greedy")) for _ in range(50)]
        calls += [submit(pool, "b", lambda: order.append("b")) for _ in range(2)]
        calls += [submit(pool, "c", lambda: order.append("c"))]
        proceed.set()
        wait(calls, SECONDS)

    assert order[:5] == ["greedy", "b", "c", "greedy", "b"]
    assert len(order) == 53


def test_no_owner_has_more_than_its_share() -> None:
    proceed = threading.Event()
    running: list[int] = []
    with FairThreadPool(4, 3, "t") as pool:
        held = [
            submit(pool, "greedy", lambda: (running.append(1), proceed.wait(SECONDS)))
            for _ in range(10)
        ]
        assert submit(pool, "other", lambda: len(running)).result(SECONDS)
        assert len(running) <= 3
        proceed.set()
        assert all(one.result(SECONDS) for one in held)
    assert len(running) == 10


def test_a_call_that_is_cancelled_before_it_begins_is_dropped() -> None:
    proceed = threading.Event()
    made: list[int] = []
    with FairThreadPool(1, 1, "t") as pool:
        submit(pool, "a", lambda: proceed.wait(SECONDS))
        waiting = submit(pool, "a", lambda: made.append(1))
        assert waiting.cancel()
        proceed.set()
        assert submit(pool, "a", lambda: 7).result(SECONDS) == 7
    assert not made


def test_an_error_is_its_callers_alone() -> None:
    def fail() -> None:
        raise ValueError("no")

    with FairThreadPool(1, 1, "t") as pool:
        failed = submit(pool, "a", fail)
        assert submit(pool, "a", lambda: 1).result(SECONDS) == 1
        with pytest.raises(ValueError, match="no"):
            failed.result(SECONDS)


def test_calls_of_an_event_loop_belong_to_the_owner_of_their_task() -> None:
    proceed = threading.Event()

    async def call(owner: str, function: Callable[[], object]) -> object:
        OWNER.set(owner)
        return await asyncio.to_thread(function)

    async def both() -> object:
        asyncio.get_running_loop().set_default_executor(FairThreadPool(2, 1, "t"))
        greedy = [asyncio.create_task(call("a", lambda: proceed.wait(SECONDS))) for _ in range(9)]
        found = await call("b", lambda: "done")
        proceed.set()
        await asyncio.gather(*greedy)
        return found

    assert asyncio.run(both()) == "done"


def test_a_call_that_comes_too_late_is_not_made() -> None:
    made: list[int] = []
    pool = FairThreadPool(1, 1, "t")
    pool.shutdown()

    with pytest.raises(RuntimeError):
        submit(pool, "a", lambda: made.append(1))
    assert not made
    assert not pool._waiting


def test_a_failed_call_keeps_nothing_of_what_it_was_given() -> None:
    class Body:
        """Something to refer to weakly."""

    def fail(_: Body) -> None:
        raise ValueError("no")

    gc.collect()
    gc.disable()
    try:
        body = Body()
        held = weakref.ref(body)
        with FairThreadPool(1, 1, "t") as pool:
            failed = pool.submit(fail, body)
            with pytest.raises(ValueError, match="no"):
                failed.result(SECONDS)
        del body, failed
        assert held() is None
    finally:
        gc.enable()
