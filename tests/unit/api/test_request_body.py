"""Bodies that arrive slowly, or not."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from everlake.api import request_body
from everlake.api.request_body import BodyPartReader, read_body
from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest.body_reader import BodyReader

Receive = Callable[[], Any]


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


def error_of(receive: Receive, *, parts: bool) -> WireError:
    async def read() -> None:
        if parts:
            await BodyPartReader(cast("Any", receive), 60).read(1_000_000)
        else:
            await read_body(cast("Any", receive), BodyReader("", 1_000_000), 60)

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
        for _ in range(3):
            parts.append(await reader.read(100))
            await asyncio.sleep(0.1)
        return b"".join(parts)

    assert asyncio.run(read()) == b"x" * 300
