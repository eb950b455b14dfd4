"""Idle connections are closed before there are too many."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest

from everlake.api import connections
from everlake.api.connections import Connections

KEPT = 4


class Listener:
    """A listener in this process, whose accepted connections the test holds."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._socket = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port: int = self._socket.getsockname()[1]

    def connect(self) -> tuple[socket.socket, tuple[str, int]]:
        """Return the client's end of a new connection, and its address."""
        client = self._stack.enter_context(socket.create_connection(("127.0.0.1", self.port)))
        client.settimeout(5)
        accepted, peer = self._socket.accept()
        self._stack.enter_context(accepted)
        return client, peer


def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    monkeypatch.setattr(connections, "CROWDED", 6)
    monkeypatch.setattr(connections, "_KEPT", KEPT)
    with contextlib.ExitStack() as stack:
        yield Listener(stack)


def serving(guard: Connections, peer: tuple[str, int]) -> contextlib.AbstractContextManager[None]:
    return guard.serving(cast("Any", {"client": peer}))


def test_the_oldest_idle_ones_are_closed_and_no_busy_or_new_one(listener: Listener) -> None:
    guard = Connections(listener.port)
    busy, peer = listener.connect()
    old = [listener.connect()[0] for _ in range(7)]
    with serving(guard, peer):
        guard.check()
        assert not any(map(is_closed, old))
        new, _ = listener.connect()
        guard.check()

    assert [is_closed(one) for one in old] == [True] * 5 + [False] * 2
    assert not is_closed(busy)
    assert not is_closed(new)


def test_few_connections_are_left_alone(listener: Listener) -> None:
    guard = Connections(listener.port)
    clients = [listener.connect()[0] for _ in range(KEPT)]
    for _ in range(3):
        guard.check()

    assert not any(map(is_closed, clients))


def test_other_descriptors_are_left_alone(listener: Listener) -> None:
    guard = Connections(listener.port)
    mine, other = socket.socketpair()
    with mine, other, open(os.devnull, "rb"):  # noqa: PTH123
        clients = [listener.connect()[0] for _ in range(9)]
        before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(3):
            guard.check()
        assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
        assert not is_closed(mine)
        assert sum(map(is_closed, clients)) == 9 - KEPT


def test_checks_go_on_after_one_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_CHECK_SECONDS", 0)
    checks: list[int] = []

    async def run() -> None:
        again = asyncio.Event()

        def check(_: Connections) -> None:
            checks.append(1)
            if len(checks) == 1:
                raise OSError(24, "Too many open files")
            again.set()

        monkeypatch.setattr(Connections, "check", check)
        task = asyncio.create_task(Connections(1).run())
        await again.wait()
        task.cancel()

    asyncio.run(asyncio.wait_for(run(), 20))
    assert len(checks) > 1
