"""Bodies that arrive slowly, or not."""

import asyncio
import gzip
from collections.abc import Callable
from typing import Any, cast

import pytest

from everlake.api import request_body
from everlake.api.byte_semaphore import ByteSemaphore
from everlake.api.request_body import FIRST_BYTES, BodyPartReader, receive_body
from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest.body_reader import BodyReader

Receive = Callable[[], Any]
MEMORY = 1_000_000


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "GRACE_SECONDS", 0.05)
    monkeypatch.setattr(request_body, "LEAST_SPEED", 10_000)


def sender(chunks: list[bytes], pause: float) -> Receive:
    """Send the chunks with a pause before each, and after the last one nothing."""
    left = iter(chunks)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause)
        if (chunk := next(left, None)) is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": chunk, "more_body": True}

    return receive


async def body_of(receive: Receive, reader: BodyReader, memory: ByteSemaphore) -> bytes:
    async with receive_body(cast("Any", receive), reader, MEMORY, memory, 60) as body:
        assert memory.free == MEMORY - len(body)
        return body


def error_of(receive: Receive, *, parts: bool) -> WireError:
    async def read() -> None:
        if parts:
            with await ByteSemaphore(MEMORY, 60).acquire(1) as reservation:
                await BodyPartReader(cast("Any", receive), 60).read(MEMORY, reservation)
        else:
            await body_of(receive, BodyReader("", MEMORY), ByteSemaphore(MEMORY, 60))

    with pytest.raises(WireError) as error:
        asyncio.run(asyncio.wait_for(read(), 20))
    return error.value


@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize(
    "receive",
    [
        pytest.param(lambda: sender([], 0), id="nothing"),
        pytest.param(lambda: sender([b"x" * 5_000], 0), id="stalled"),
        pytest.param(lambda: sender([b"x"] * 1_000, 0.01), id="byte by byte"),
    ],
)
def test_a_body_slower_than_the_least_speed_is_refused(
    receive: Callable[[], Receive], *, parts: bool
) -> None:
    error = error_of(receive(), parts=parts)

    assert error.code is ErrorCode.INVALID_BODY
    assert "too slowly" in error.message


def test_what_this_server_does_between_two_chunks_does_not_count() -> None:
    async def read() -> bytes:
        reader = BodyPartReader(cast("Any", sender([b"x" * 100] * 3, 0)), 60)
        parts: list[bytes] = []
        with await ByteSemaphore(MEMORY, 60).acquire(100) as reservation:
            for _ in range(3):
                parts.append(await reader.read(100, reservation))
                await asyncio.sleep(0.1)
        return b"".join(parts)

    assert asyncio.run(read()) == b"x" * 300


@pytest.mark.parametrize(
    ("encoding", "sent", "taken"),
    [
        pytest.param("", b"[", FIRST_BYTES, id="first bytes"),
        pytest.param("", b"[" * (FIRST_BYTES + 1), MEMORY, id="more than the first bytes"),
        pytest.param("gzip", gzip.compress(b"[")[:5], MEMORY, id="compressed"),
    ],
)
def test_memory_is_taken_for_what_has_arrived(encoding: str, sent: bytes, taken: int) -> None:
    async def read() -> int:
        memory = ByteSemaphore(MEMORY, 60)
        arrived = asyncio.Event()
        left = [sent]

        async def receive() -> dict[str, Any]:
            if not left:
                arrived.set()
                await asyncio.Event().wait()
            return {"type": "http.request", "body": left.pop(), "more_body": True}

        reading = asyncio.create_task(body_of(receive, BodyReader(encoding, MEMORY), memory))
        await arrived.wait()
        held = MEMORY - memory.free
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert memory.free == MEMORY
        return held

    assert asyncio.run(read()) == taken


def test_a_whole_body_keeps_the_memory_of_its_own_size() -> None:
    body = b"x" * 200_000

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": gzip.compress(body), "more_body": False}

    read = body_of(receive, BodyReader("gzip", MEMORY), ByteSemaphore(MEMORY, 60))
    assert asyncio.run(read) == body
