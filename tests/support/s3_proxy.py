"""Proxy in front of an S3 server that injects faults of networks and servers."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Kind = Literal["status", "silence", "cut upload", "cut answer", "lost answer"]
"""Fault of a request:

``status``: it is answered with an error, and not forwarded.
``silence``: it is neither answered nor forwarded.
``cut upload``: the connection ends after half of its body, and it is not forwarded.
``cut answer``: it is forwarded, and the connection ends after half of the response's body.
``lost answer``: it is forwarded, and the connection ends before the response.
"""


@dataclass
class S3Fault:
    """Fault of the next ``times`` requests of ``method`` whose target contains ``target``.

    The first ``after`` of them are forwarded. ``status``, ``code`` and ``headers`` are those of the
    response to a fault of kind ``status``.
    """

    kind: Kind
    method: str
    target: str = ""
    times: int = 1
    after: int = 0
    status: int = 503
    code: str = "SlowDown"
    headers: dict[str, str] = field(default_factory=dict[str, str])


class S3Proxy:
    """A proxy in front of the server at ``port``; :attr:`url` is its own address."""

    def __init__(self, port: int) -> None:
        self.upstream = port
        self.faults: list[S3Fault] = []
        self.seen: list[tuple[str, str]] = []
        """Method and target of each request, with or without a fault."""
        self._lock = threading.Lock()
        self.ended = threading.Event()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Bound", (_Handler,), {"at": self})
        )
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def start(self) -> None:
        """Start the proxy."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the proxy, and end the requests that it does not answer."""
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def count(self, method: str, target: str = "") -> int:
        """Return the number of requests with this method and target."""
        with self._lock:
            return sum(1 for m, t in self.seen if m == method and target in t)

    def take(self, method: str, target: str) -> S3Fault | None:
        """Record a request, and return its fault, if any."""
        with self._lock:
            self.seen.append((method, target))
            for fault in self.faults:
                if fault.method == method and fault.target in target and fault.times:
                    if fault.after:
                        fault.after -= 1
                        return None
                    fault.times -= 1
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    at: S3Proxy

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Log nothing; tests read ``seen``."""

    def do(self) -> None:
        fault = self.at.take(self.command, self.path)
        kind = None if fault is None else fault.kind
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(size // 2 if kind == "cut upload" else size)
        if fault is not None and kind == "status":
            text = f"<Error><Code>{fault.code}</Code><Message>m</Message></Error>".encode()
            self._answer(fault.status, fault.headers, text, len(text))
        elif kind == "silence":
            self.at.ended.wait()
            self._cut()
        elif kind == "cut upload":
            self._cut()
        else:
            self._pass_on(body, kind)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do  # noqa: N815

    def _pass_on(self, body: bytes, kind: Kind | None) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.at.upstream, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            content = answer.read()
        except OSError:
            return self._cut()
        finally:
            upstream.close()
        if kind == "lost answer":
            return self._cut()
        headers = {
            name: value
            for name, value in answer.getheaders()
            if name.lower() not in {"connection", "transfer-encoding", "content-length"}
        }
        length = len(content)
        if self.command == "HEAD":
            length = int(answer.getheader("content-length") or 0)
        if kind == "cut answer":
            content = content[: length // 2]
        self._answer(answer.status, headers, content, length)
        if kind == "cut answer":
            self._cut()
        return None

    def _answer(self, status: int, headers: dict[str, str], content: bytes, length: int) -> None:
        with suppress(OSError):
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            self.wfile.flush()

    def _cut(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def s3_proxy(port: int) -> Iterator[S3Proxy]:
    """Run a proxy for the length of a block."""
    made = S3Proxy(port)
    made.start()
    try:
        yield made
    finally:
        made.stop()
