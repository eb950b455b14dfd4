"""Connections of an API process: closes idle ones before there are too many."""

import asyncio
import os
import socket
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
        while Path(_DESCRIPTORS).is_dir():  # noqa: ASYNC240 - /proc does not block
            await asyncio.sleep(_CHECK_SECONDS)
            try:
                self.check()
            except OSError as error:  # such as no descriptor left to list them with
                _log.warning("connections cannot be checked", reason=str(error))

    def check(self) -> None:
        """Close idle connections if there are too many.

        Raises:
            OSError: the process's descriptors cannot be listed.
        """
        if len(os.listdir(_DESCRIPTORS)) <= CROWDED:  # noqa: PTH208 - numbers
            self._seen.clear()
            return
        opened = dict(_connections_on(self._port))
        by_address = Counter(address for address, _ in opened)
        # Those that were not there at the last check may be about to send their request.
        idle = sorted(
            (peer for peer in opened if peer in self._seen and peer not in self._busy),
            key=lambda peer: (-by_address[peer[0]], self._seen[peer]),
        )
        now = time.monotonic()
        self._seen = {peer: self._seen.get(peer, now) for peer in opened}
        if len(opened) <= CROWDED:
            return
        closed = idle[: len(opened) - _KEPT]
        for peer in closed:
            _shut_down(opened[peer], peer, self._port)
        _log.warning("idle connections closed", closed=len(closed), connections=len(opened))


def _connections_on(port: int) -> Iterator[tuple[Peer, int]]:
    """Yield the other end and the descriptor of each connection that came in on ``port``."""
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - numbers
        with _duplicate(int(name)) as one:
            if one is not None and (peer := _peer_on(port, one)) is not None:
                yield peer, int(name)


def _shut_down(descriptor: int, peer: Peer, port: int) -> None:
    """End a connection: the server reads its end, as if the client had closed it.

    The descriptor may have become another file's since it was found.
    """
    with _duplicate(descriptor) as one:
        if one is not None and _peer_on(port, one) == peer:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def _duplicate(descriptor: int) -> Generator[socket.socket | None]:
    """Duplicate the socket of a descriptor for the length of a block; None if it has none."""
    try:
        duplicate = os.dup(descriptor)
    except OSError:
        yield None
        return
    try:
        one = socket.socket(fileno=duplicate)
    except OSError:
        os.close(duplicate)
        yield None
        return
    with one:
        yield one


def _peer_on(port: int, one: socket.socket) -> Peer | None:
    """Return the other end of a connection that came in on ``port``; None for another socket."""
    if one.family not in {socket.AF_INET, socket.AF_INET6}:
        return None
    try:
        return one.getpeername()[:2] if one.getsockname()[1] == port else None
    except OSError:  # it is not connected any more
        return None
