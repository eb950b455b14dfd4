"""Web server that misbehaves on request.

The behaviours, which the first segment of the path selects, are functions registered by
:func:`behaviour`; most are in :mod:`tests.support.hostile_behaviours`.
"""

import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TypeAlias
from urllib.parse import parse_qs

import msgspec

from tests.support.sockets import serve_connections, shut_down

Headers: TypeAlias = Mapping[str, str | list[str]]


class ReceivedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Received request; header names are in lower case."""

    target: str
    headers: dict[str, str]

    @property
    def path(self) -> list[str]:
        return self.target.partition("?")[0].split("/")[1:]

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.target.partition("?")[2]).items()}

    @property
    def range_start(self) -> int | None:
        """First byte of the requested range; None without ``Range``."""
        found = self.headers.get("range", "").removeprefix("bytes=").removesuffix("-")
        return int(found) if found else None


class ClientConnection:
    """Connection of a client; ``answered`` counts the responses sent on it."""

    def __init__(self, server: "HostileServer", connection: socket.socket) -> None:
        self.server = server
        self.socket = connection
        self.answered = 0

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_head(self, status: int, headers: Headers) -> None:
        lines = [f"HTTP/1.1 {status} Whatever"]
        for name, value in headers.items():
            lines += [f"{name}: {one}" for one in ([value] if isinstance(value, str) else value)]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def send_response(self, status: int, headers: Headers, body: bytes = b"") -> None:
        self.send_head(status, {"Content-Length": str(len(body)), **headers})
        self.send(body)

    def send_chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def send_slowly(self, piece: bytes, seconds: float = 0.02) -> None:
        """Send ``piece`` again and again until the server is closed."""
        while not self.server.closed:
            self.send(piece)
            time.sleep(seconds)

    def reset(self) -> None:
        """Close the connection with a TCP reset (SO_LINGER with a timeout of 0, see socket(7))."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def hang(self) -> None:
        while not self.server.closed and self.socket.recv(1024):
            pass


Behaviour: TypeAlias = Callable[[ClientConnection, ReceivedRequest], object]
BEHAVIOURS: dict[str, Behaviour] = {}
CLOSE = object()
"""Return value of a behaviour after which the connection is closed."""


def behaviour(function: Behaviour) -> Behaviour:
    """Register a behaviour under its name, with hyphens in place of underscores."""
    name = function.__name__.replace("_", "-")
    assert name not in BEHAVIOURS, f"two behaviours are called {name}"
    BEHAVIOURS[name] = function
    return function


class HostileServer:
    """Server on a port of this machine.

    Args:
        host: address to listen on.
        port: port to listen on; 0 for a free one.
        tls: TLS context, or None for plain HTTP.

    Attributes:
        requests: all requests in order.
        connections: number of accepted connections.
        request_counts: number of requests by target.
        closed: whether the server is closed, so that endless behaviours end.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.requests: list[ReceivedRequest] = []
        self.connections = 0
        self.request_counts: Counter[str] = Counter()
        self.closed = False
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=128)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        serve_connections(self._listener, self._serve)

    def url(self, path: str, host: str | None = None) -> str:
        host = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/{path}"

    def requests_to(self, behaviour_name: str) -> list[ReceivedRequest]:
        return [request for request in self.requests if request.path[0] == behaviour_name]

    def close(self) -> None:
        """Close the listener and all connections."""
        self.closed = True
        for end in [self._listener, *self._open]:
            shut_down(end)
            end.close()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
        with suppress(OSError, ValueError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._open.add(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = ClientConnection(self, connection)
            with connection, connection.makefile("rb") as lines:
                while request := _read_request(lines.readline):
                    self.requests.append(request)
                    self.request_counts[request.target] += 1
                    if BEHAVIOURS[request.path[0]](peer, request) is CLOSE:
                        break
                    peer.answered += 1
        self._open.discard(connection)


def _read_request(read_line: Callable[[], bytes]) -> ReceivedRequest | None:
    first = read_line().decode("latin-1").split()
    headers: dict[str, str] = {}
    while (text := read_line().decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    return ReceivedRequest(target=first[1], headers=headers) if len(first) == 3 else None


@contextmanager
def hostile_server(
    host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None
) -> Iterator[HostileServer]:
    """Run a server for the length of a block."""
    server = HostileServer(host, port, tls)
    try:
        yield server
    finally:
        server.close()
