"""A server that is not Everlake, and answers as it is told."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ScriptedResponse = tuple[int, bytes, dict[str, str]]

RECEIPT = b'{"batchId":"b","acceptedCount":1,"rejectedCount":0,"totalErrorCount":0}'


class ScriptedServer:
    """Gives its answers in their order, the last one for ever, and keeps what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.responses: list[ScriptedResponse] = []
        self.bodies: list[bytes] = []
        self.keys: list[str] = []
        self._lock = threading.Lock()

    @property
    def asked(self) -> int:
        """How many requests have come."""
        return len(self.bodies)

    def answer(self, body: bytes, key: str) -> ScriptedResponse:
        with self._lock:
            self.bodies.append(body)
            self.keys.append(key)
            return self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]


@contextmanager
def scripted_server() -> Generator[ScriptedServer]:
    """A stranger for the length of a block."""
    stranger = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, text, headers = stranger.answer(body, self.headers["idempotency-key"])
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
        stranger.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield stranger
        finally:
            server.shutdown()
            thread.join()
