import asyncio
import threading
from collections.abc import Iterator
from typing import Any

from everlake.api.streaming import StreamingResponse
from everlake.storage import StorageError

SIZE = 6


class Client:
    """The other end of a response; it stays until :meth:`leave`."""

    def __init__(self) -> None:
        self.body = b""
        self.status = 0
        self.is_complete = False
        self._left = asyncio.Event()

    def leave(self) -> None:
        self._left.set()

    async def receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")
        self.is_complete = message.get("more_body") is False


def received(chunks: Iterator[bytes], read_timeout: float = 60.0) -> Client:
    """A client that has received the response with these chunks of six bytes."""

    async def call() -> Client:
        client = Client()
        response = StreamingResponse(
            200, {"content-length": str(SIZE)}, chunks, size=SIZE, read_timeout=read_timeout
        )
        await response({}, client.receive, client.send)  # pyright: ignore[reportArgumentType]
        return client

    return asyncio.run(call())


def test_all_chunks_are_sent_in_order() -> None:
    client = received(iter([b"abc", b"", b"def"]))

    assert (client.status, client.body, client.is_complete) == (200, b"abcdef", True)


def test_a_response_without_a_body_ends_at_once() -> None:
    async def call() -> Client:
        client = Client()
        await StreamingResponse(304, {})({}, client.receive, client.send)  # pyright: ignore[reportArgumentType]
        return client

    client = asyncio.run(call())
    assert (client.status, client.body, client.is_complete) == (304, b"", True)


def test_content_that_breaks_off_leaves_the_response_incomplete() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"abc"
        raise StorageError("for the test")

    client = received(chunks())

    assert (client.status, client.body, client.is_complete) == (200, b"abc", False)


def test_a_chunk_that_is_not_read_in_time_ends_the_response_and_leaves_the_reader_alone() -> None:
    proceed = threading.Event()
    closed = threading.Event()

    def chunks() -> Iterator[bytes]:
        try:
            yield b"abc"
            # Until here the thread stands still, as on a disk that does not answer.
            proceed.wait()
            yield b"def"
        finally:
            closed.set()

    async def call() -> Client:
        client = Client()
        response = StreamingResponse(200, {}, chunks(), size=SIZE, read_timeout=0.05)
        await response({}, client.receive, client.send)  # pyright: ignore[reportArgumentType]
        assert not closed.is_set()
        proceed.set()
        return client

    client = asyncio.run(call())

    assert (client.body, client.is_complete) == (b"abc", False)


def test_a_client_that_has_left_is_sent_nothing_more() -> None:
    async def call() -> Client:
        client = Client()

        def chunks() -> Iterator[bytes]:
            yield b"abc"
            loop.call_soon_threadsafe(client.leave)
            threading.Event().wait(0.05)
            yield b"def"

        loop = asyncio.get_running_loop()
        response = StreamingResponse(200, {}, chunks(), size=SIZE, read_timeout=60)
        await response({}, client.receive, client.send)  # pyright: ignore[reportArgumentType]
        return client

    client = asyncio.run(call())

    assert (client.body, client.is_complete) == (b"abc", False)
