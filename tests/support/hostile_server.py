"""The works of the web server whose behaviours are in :mod:`tests.support.hostile_behaviours`."""

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

Headers: TypeAlias = Mapping[str, str | list[str]]


class ReceivedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked; header names in lower case."""

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
        """The first byte of the range that was asked for."""
        found = self.headers.get("range", "").removeprefix("bytes=").removesuffix("-")
        return int(found) if found else None


class ClientConnection:
    """One connection, seen from the server."""

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
        """Send ``piece`` for ever, a little at a time."""
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
"""What a behaviour gives back after which the connection is closed."""


def behaviour(function: Behaviour) -> Behaviour:
    BEHAVIOURS[function.__name__.replace("_", "-")] = function
    return function


class HostileServer:
    """The server; ``requests`` are all that it got, in their order."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.requests: list[ReceivedRequest] = []
        self.connections = 0
        self.request_counts: Counter[str] = Counter()
        self.closed = False
        self._tls = tls
        self._open: set[socket.socket] = set()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=128)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str, host: str | None = None) -> str:
        host = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/{path}"

    def requests_to(self, behaviour_name: str) -> list[ReceivedRequest]:
        return [request for request in self.requests if request.path[0] == behaviour_name]

    def close(self) -> None:
        self.closed = True
        for one in [self._listener, *self._open]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
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


def _read_request(line: Callable[[], bytes]) -> ReceivedRequest | None:
    first = line().decode("latin-1").split()
    headers: dict[str, str] = {}
    while (text := line().decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    return ReceivedRequest(target=first[1], headers=headers) if len(first) == 3 else None


@contextmanager
def hostile_server(
    host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None
) -> Iterator[HostileServer]:
    """A server for the length of a block, at a free port unless told."""
    server = HostileServer(host, port, tls)
    try:
        yield server
    finally:
        server.close()
