import asyncio

import pytest

from everlake.api.byte_semaphore import ByteSemaphore, Reservation
from everlake.contract.errors import ErrorCode, WireError

TIMEOUT = 0.05


def test_bytes_are_free_again_at_the_end_of_a_block() -> None:
    async def reserve() -> tuple[int, int]:
        semaphore = ByteSemaphore(10, TIMEOUT)
        with await semaphore.acquire(6):
            inside = semaphore.free
        return inside, semaphore.free

    assert asyncio.run(reserve()) == (4, 10)


def test_a_reservation_is_released_once() -> None:
    async def reserve() -> int:
        semaphore = ByteSemaphore(10, TIMEOUT)
        reservation = await semaphore.acquire(6)
        reservation.release()
        reservation.release()
        return semaphore.free

    assert asyncio.run(reserve()) == 10


def test_a_request_waits_until_enough_bytes_are_free() -> None:
    async def reserve() -> list[str]:
        events: list[str] = []
        semaphore = ByteSemaphore(10, 60)
        first = await semaphore.acquire(6)
        second = await semaphore.acquire(4)

        async def wait() -> None:
            with await semaphore.acquire(10):
                events.append("reserved")

        waiting = asyncio.create_task(wait())
        for reservation in (first, second):
            await asyncio.sleep(0)
            events.append("released")
            reservation.release()
        await waiting
        return events

    assert asyncio.run(reserve()) == ["released", "released", "reserved"]


def test_too_long_a_wait_is_a_503() -> None:
    async def reserve() -> int:
        semaphore = ByteSemaphore(10, TIMEOUT)
        with await semaphore.acquire(10):
            with pytest.raises(WireError) as error:
                await semaphore.acquire(1)
            assert error.value.code is ErrorCode.UNAVAILABLE
        return semaphore.free

    assert asyncio.run(reserve()) == 10


def test_a_request_for_more_than_there_is_gets_all() -> None:
    async def reserve() -> int:
        semaphore = ByteSemaphore(10, TIMEOUT)
        with await semaphore.acquire(1_000):
            return semaphore.free

    assert asyncio.run(reserve()) == 0


def test_many_waiting_requests_never_hold_more_than_the_capacity() -> None:
    async def reserve() -> int:
        semaphore = ByteSemaphore(100, 60)
        held = most = 0

        async def hold(size: int) -> None:
            nonlocal held, most
            with await semaphore.acquire(size):
                held += size
                most = max(most, held)
                await asyncio.sleep(0.001)
                held -= size

        await asyncio.gather(*(hold(size) for size in [90, 7, 60, 33, 100, 1] * 5))
        assert semaphore.free == 100
        return most

    assert asyncio.run(reserve()) <= 100


def test_a_share_takes_its_bytes_from_the_whole_as_well() -> None:
    async def reserve() -> None:
        whole = ByteSemaphore(10, TIMEOUT)
        share = ByteSemaphore(6, TIMEOUT, parent=whole)
        with await share.acquire(6):
            assert (share.free, whole.free) == (0, 4)
            with pytest.raises(WireError):
                await share.acquire(1)
        assert (share.free, whole.free) == (6, 10)
        with await whole.acquire(9):
            with pytest.raises(WireError):
                await share.acquire(2)
            assert (share.free, whole.free) == (6, 1)

    asyncio.run(reserve())


def test_two_that_wait_for_more_do_not_wait_for_each_other() -> None:
    async def reserve() -> int:
        semaphore = ByteSemaphore(10, 60)
        first, second = await semaphore.acquire(1), await semaphore.acquire(1)

        async def use(reservation: Reservation) -> None:
            with reservation:
                await reservation.resize(10)

        await asyncio.wait_for(asyncio.gather(use(first), use(second)), 20)
        return semaphore.free

    assert asyncio.run(reserve()) == 10


def test_a_reservation_that_cannot_grow_in_time_holds_nothing() -> None:
    async def reserve() -> None:
        whole = ByteSemaphore(10, TIMEOUT)
        share = ByteSemaphore(6, TIMEOUT, parent=whole)
        with await share.acquire(2) as reservation, await whole.acquire(7):
            with pytest.raises(WireError):
                await reservation.resize(5)
            assert (share.free, whole.free) == (6, 3)
        assert (share.free, whole.free) == (6, 10)

    asyncio.run(reserve())


def test_a_reservation_that_shrinks_lets_others_in() -> None:
    async def reserve() -> int:
        semaphore = ByteSemaphore(10, 60)
        with await semaphore.acquire(10) as reservation:
            waiting = asyncio.create_task(semaphore.acquire(4))
            await asyncio.sleep(0)
            await reservation.resize(6)
            await waiting
            return semaphore.free

    assert asyncio.run(reserve()) == 0
