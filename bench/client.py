"""HTTP/1.1 over one kept-alive connection, with next to no processor time of its own.

A driver shares the machine with what it measures, so requests are bytes made beforehand: a
request with a megabyte takes 0.3 ms of processor time, nearly all of it the kernel's copying.
"""

import mmap
import socket
from pathlib import Path

import msgspec

_CONTENT_LENGTH = b"content-length:"
_CLOSE = b"connection: close"
_CHUNKED = b"transfer-encoding: chunked"


class HttpResponse(msgspec.Struct, frozen=True):
    """An answer's status and body."""

    status: int
    body: bytes


class RequestBody:
    """A request with a body that lies in a file."""

    def __init__(self, path: str, headers: dict[str, str], file: Path) -> None:
        with file.open("rb") as opened:
            self.bytes = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        self.head = request_head("POST", path, {**headers, "content-length": str(len(self.bytes))})


def request_head(method: str, path: str, headers: dict[str, str]) -> bytes:
    """The bytes of a request before its body."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


class Connection:
    """A connection to a port of this machine, opened when it is needed and opened again."""

    def __init__(self, port: int, timeout: float = 120.0) -> None:
        self._port = port
        self._timeout = timeout
        self._socket: socket.socket | None = None

    def get(self, head: bytes) -> HttpResponse:
        """Send a request without a body and wait for its answer."""
        self._open().sendall(head)
        return self._receive()

    def post(self, body: RequestBody, more: bytes = b"") -> HttpResponse:
        """Send a request with a body and wait for its answer; ``more`` is header lines."""
        connection = self._open()
        head = body.head[:-2] + more + body.head[-2:] if more else body.head
        connection.sendall(head, socket.MSG_MORE)
        connection.sendall(body.bytes)
        return self._receive()

    def close(self) -> None:
        """Close it; the next request opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), self._timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _receive(self) -> HttpResponse:
        connection = self._open()
        received = _read_until(connection, b"", b"\r\n\r\n")
        head, _, body = received.partition(b"\r\n\r\n")
        head = head.lower()
        body = (
            _read_chunked(connection, body)
            if _CHUNKED in head
            else _read_body(connection, head, body)
        )
        if _CLOSE in head:
            self.close()
        return HttpResponse(int(head.split(b" ", 2)[1]), body)


def _read_body(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    length = int(head.partition(_CONTENT_LENGTH)[2].split(b"\r\n", 1)[0])
    parts = [body]
    missing = length - len(body)
    while missing > 0:
        parts.append(_receive_some(connection))
        missing -= len(parts[-1])
    return b"".join(parts)


def _read_chunked(connection: socket.socket, received: bytes) -> bytes:
    parts: list[bytes] = []
    while True:
        received = _read_until(connection, received, b"\r\n")
        size_text, _, received = received.partition(b"\r\n")
        size = int(size_text, 16)
        while len(received) < size + 2:
            received += _receive_some(connection)
        if not size:
            return b"".join(parts)
        parts.append(received[:size])
        received = received[size + 2 :]


def _read_until(connection: socket.socket, received: bytes, mark: bytes) -> bytes:
    while mark not in received:
        received += _receive_some(connection)
    return received


def _receive_some(connection: socket.socket) -> bytes:
    part = connection.recv(65_536)
    if not part:
        raise ConnectionError("the server closed the connection before its answer was whole")
    return part
