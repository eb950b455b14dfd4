"""HTTP server with scripted responses, in place of Everlake."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ScriptedResponse = tuple[int, bytes, dict[str, str]]

RECEIPT = b'{"batchId":"b","acceptedCount":1,"rejectedCount":0,"totalErrorCount":0}'


class ScriptedServer:
    """Returns its responses in order, then the last one forever, and records the requests."""

    def __init__(self) -> None:
        self.url = ""
        self.responses: list[ScriptedResponse] = []
        self.bodies: list[bytes] = []
        self.keys: list[str] = []
        self._lock = threading.Lock()

    @property
    def request_count(self) -> int:
        """Number of requests so far."""
        return len(self.bodies)

    def respond(self, body: bytes, key: str) -> ScriptedResponse:
        """Record a request and return its response."""
        with self._lock:
            self.bodies.append(body)
            self.keys.append(key)
            return self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]


@contextmanager
def running_scripted_server() -> Generator[ScriptedServer]:
    """A server that runs within a block."""
    scripted = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, text, headers = scripted.respond(body, self.headers["idempotency-key"])
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        scripted.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield scripted
        finally:
            server.shutdown()
            thread.join()
