"""Connections of an API process: closes idle ones before there are too many."""

import asyncio
import os
import socket
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress

from litestar.types import HTTPScope

from everlake.logs import logger

MAX_CONNECTIONS = 1_024
"""Most connections of a process; others wait to be accepted."""
CROWDED = MAX_CONNECTIONS * 3 // 4
"""Number of connections from which on idle ones are closed."""
_KEPT = MAX_CONNECTIONS // 2
_CHECK_SECONDS = 0.25
_DESCRIPTORS = "/proc/self/fd"

_log = logger()

Peer = tuple[str, int]


class Connections:
    """Closes connections without a request while they leave little room for others.

    A connection is idle between two requests, before its first one, and until the head of a
    request has arrived. Of the idle ones, those of the address with the most connections are closed
    first, and of these the oldest. The server itself has neither limit.

    Where the system has no ``/proc``, nothing is closed.

    Args:
        port: on which the process listens.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._busy: Counter[Peer] = Counter()
        self._seen: dict[Peer, float] = {}

    @contextmanager
    def serving(self, scope: HTTPScope) -> Generator[None]:
        """Note that the connection has a request, for the length of a block."""
        client = scope["client"]
        if client is None:
            yield
            return
        peer = (client[0], client[1])
        self._busy[peer] += 1
        try:
            yield
        finally:
            self._busy[peer] -= 1
            if not self._busy[peer]:
                del self._busy[peer]

    async def run(self) -> None:
        """Close idle connections when there are too many, until cancelled."""
        while os.path.isdir(_DESCRIPTORS):  # noqa: ASYNC240, PTH112 - /proc does not block
            await asyncio.sleep(_CHECK_SECONDS)
            if len(os.listdir(_DESCRIPTORS)) > CROWDED:  # noqa: PTH208 - numbers
                self._close_idle()
            elif self._seen:
                self._seen.clear()

    def _close_idle(self) -> None:
        with ExitStack() as stack:
            opened = {peer: stack.enter_context(one) for peer, one in _connections_on(self._port)}
            surplus = len(opened) - _KEPT if len(opened) > CROWDED else 0
            by_address = Counter(address for address, _ in opened)
            # Those that were not there at the last check may be about to send their request.
            idle = sorted(
                (peer for peer in opened if peer in self._seen and peer not in self._busy),
                key=lambda peer: (-by_address[peer[0]], self._seen[peer]),
            )
            now = time.monotonic()
            self._seen = {peer: self._seen.get(peer, now) for peer in opened}
            for peer in idle[:surplus]:
                # The server reads the end of the connection, as if the client had closed it.
                with suppress(OSError):
                    opened[peer].shutdown(socket.SHUT_RDWR)
        if surplus:
            _log.warning(
                "idle connections closed", closed=len(idle[:surplus]), connections=len(opened)
            )


def _connections_on(port: int) -> Iterator[tuple[Peer, socket.socket]]:
    """Yield the process's connections that came in on ``port``, as duplicates to be closed."""
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - numbers
        try:
            duplicate = os.dup(int(name))
        except OSError:
            continue
        try:
            one = socket.socket(fileno=duplicate)
        except OSError:  # something else than a socket
            os.close(duplicate)
            continue
        try:
            peer = _peer_on(port, one)
        except OSError:  # it has ended by itself
            peer = None
        if peer is None:
            one.close()
        else:
            yield peer, one


def _peer_on(port: int, one: socket.socket) -> Peer | None:
    """Return the other end of a connection that came in on ``port``; None for another socket.

    Raises:
        OSError: it is not connected.
    """
    if one.family not in {socket.AF_INET, socket.AF_INET6} or one.getsockname()[1] != port:
        return None
    return one.getpeername()[:2]
