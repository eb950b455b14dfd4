"""Large responses hold their memory until they have been read."""

import asyncio
from typing import Any, cast

import pytest

from everlake.api.byte_semaphore import ByteSemaphore
from everlake.api.large_responses import RESERVED_BYTES, large_json_response
from everlake.contract.errors import ErrorCode, WireError

BODY = b"[" + b"1," * 300_000 + b"1]"


async def build() -> bytes:
    return BODY


class Reader:
    """Client that reads a response once it is told to."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.leaves = asyncio.Event()
        self.body = b""
        self.headers: dict[bytes, bytes] = {}

    async def receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.headers.update(message.get("headers", []))
        if message.get("body"):
            await self.reads.wait()
        self.body += message.get("body", b"")


async def _respond(memory: ByteSemaphore, reader: Reader) -> None:
    response = await large_json_response(memory, build)
    await response(cast("Any", {}), cast("Any", reader.receive), cast("Any", reader.send))


def test_memory_is_held_until_the_client_has_read() -> None:
    async def call() -> Reader:
        memory = ByteSemaphore(RESERVED_BYTES, 60)
        reader = Reader()
        responding = asyncio.create_task(_respond(memory, reader))
        for _ in range(100):
            await asyncio.sleep(0)
        assert memory.free == RESERVED_BYTES - len(BODY)
        reader.reads.set()
        await responding
        assert memory.free == RESERVED_BYTES
        return reader

    reader = asyncio.run(call())

    assert reader.body == BODY
    assert reader.headers[b"content-length"] == str(len(BODY)).encode()
    assert reader.headers[b"content-type"] == b"application/json"


def test_memory_is_free_when_the_client_has_left() -> None:
    async def call() -> bytes:
        memory = ByteSemaphore(RESERVED_BYTES, 60)
        reader = Reader()
        responding = asyncio.create_task(_respond(memory, reader))
        reader.leaves.set()
        await asyncio.sleep(0.01)
        reader.reads.set()
        await responding
        assert memory.free == RESERVED_BYTES
        return reader.body

    assert len(asyncio.run(call())) < len(BODY)


def test_nothing_is_built_without_memory_for_it() -> None:
    async def fail() -> bytes:
        raise AssertionError

    async def call() -> None:
        memory = ByteSemaphore(RESERVED_BYTES, 0.05)
        with await memory.acquire(1):
            await large_json_response(memory, fail)

    with pytest.raises(WireError) as error:
        asyncio.run(call())
    assert error.value.code is ErrorCode.UNAVAILABLE


def test_memory_is_free_when_the_body_cannot_be_built() -> None:
    async def fail() -> bytes:
        raise LookupError

    async def call() -> int:
        memory = ByteSemaphore(RESERVED_BYTES, 60)
        with pytest.raises(LookupError):
            await large_json_response(memory, fail)
        return memory.free

    assert asyncio.run(call()) == RESERVED_BYTES
