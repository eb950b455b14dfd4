"""HTTP requests as raw bytes, and the memory of the API process."""

import socket
from pathlib import Path

from tests.support.server import ApiClient, EverlakeServer

_PATIENCE = 60.0


def request_head(api: ApiClient, *headers: str) -> bytes:
    """Return the head of a POST to the ingest endpoint with the key and these headers."""
    lines = [
        "POST /api/v1/ingest HTTP/1.1",
        "Host: everlake",
        f"x-api-key: {api.setup['api_key']}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def json_request_head(api: ApiClient, *headers: str) -> bytes:
    """Return the head of a POST of JSON."""
    return request_head(api, "Content-Type: application/json", *headers)


def chunked(*parts: bytes) -> bytes:
    """Return a chunked body (RFC 9112, 7.1)."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


def connect(api: ApiClient) -> socket.socket:
    """Open a connection to the server, with a timeout."""
    host, port = api.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=_PATIENCE)


def exchange(api: ApiClient, sent: bytes, *, then_close: bool = True) -> bytes:
    """Send bytes, half-close the connection if wanted, and return what the server sends.

    A server that rejects the request may close the connection before all is sent.
    """
    with connect(api) as wire:
        try:
            wire.sendall(sent)
            if then_close:
                wire.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return read_all(wire)


def read_all(wire: socket.socket) -> bytes:
    """Return all bytes until the server closes the connection."""
    received: list[bytes] = []
    try:
        while part := wire.recv(65_536):
            received.append(part)
    except ConnectionError:
        pass
    return b"".join(received)


def read_response(wire: socket.socket) -> bytes:
    """Read one response with a Content-Length; the connection stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = wire.recv(65_536)
        assert part, received
        received += part
    top, _, body = received.partition(b"\r\n\r\n")
    (length,) = (
        int(line.split(b":")[1])
        for line in top.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        part = wire.recv(65_536)
        assert part, received
        body += part
    return top + b"\r\n\r\n" + body


def status_of(answer: bytes) -> int:
    """Return the status of the first response in these bytes; 0 if there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


class ProcessMemory:
    """Memory of a server's API process (proc(5))."""

    def __init__(self, server: EverlakeServer) -> None:
        assert server.process is not None
        self._proc = Path("/proc", str(_api_process(server.process.pid)))

    def reset_peak(self) -> None:
        """Let :meth:`peak` start again (proc(5), clear_refs)."""
        (self._proc / "clear_refs").write_text("5")

    def now(self) -> int:
        """Return the resident memory, in bytes."""
        return self._read("VmRSS")

    def peak(self) -> int:
        """Return the most resident memory since the last reset, in bytes."""
        return self._read("VmHWM")

    def _read(self, name: str) -> int:
        for line in (self._proc / "status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"{self._proc} has no {name}")


def _api_process(pid: int) -> int:
    """Return the id of the process that serves the API: this one or one of its children."""
    tree = [pid]
    for parent in tree:
        for children in Path("/proc", str(parent), "task").glob("*/children"):
            tree += map(int, children.read_text().split())
    (found,) = (
        number
        for number in tree
        if b"api" in Path("/proc", str(number), "cmdline").read_bytes().split(b"\0")
    )
    return found
