"""A load balancer in small: it sends each request to one node, and where none answers, to another.

It keeps its connections to the nodes open, as the big ones do. A request that came to no answer
is sent to the next node; so is one that a node answers with 503.
"""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import urlsplit

_GIVE_UP_SECONDS = 20.0
_ANSWER_SECONDS = 10.0
_PASSED = ("content-type", "x-api-key", "idempotency-key")
_RETURNED = ("content-type", "retry-after", "idempotent-replayed")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, pass_on: Callable[["_Handler", bytes], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pass_on = pass_on


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers["content-length"])))

    def do_GET(self) -> None:
        self._pass_on(b"")

    def _pass_on(self, body: bytes) -> None:
        assert isinstance(self.server, _Server)
        self.server.pass_on(self, body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class LoadBalancer:
    """A running one.

    ``again`` counts what made it send a request once more.
    """

    def __init__(self, nodes: Sequence[str]) -> None:
        self._nodes = [urlsplit(node).netloc for node in nodes]
        self._turn = count()
        self._mine = threading.local()
        self.again: Counter[str] = Counter()

        self._server = _Server(self._pass_on)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def serve(self) -> None:
        """Pass requests on until :meth:`stop`."""
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(self, handler: _Handler, body: bytes) -> None:
        deadline = time.monotonic() + _GIVE_UP_SECONDS
        while True:
            node = self._nodes[next(self._turn) % len(self._nodes)]
            try:
                answer, content = self._ask(node, handler, body)
            except (OSError, http.client.HTTPException) as error:
                self._forget(node)
                self.again[type(error).__name__] += 1
                if time.monotonic() > deadline:
                    handler.send_error(502)
                    return
                continue
            if answer.status == 503 and time.monotonic() < deadline:
                self.again["503"] += 1
                continue
            handler.send_response(answer.status)
            for name in _RETURNED:
                if (value := answer.headers.get(name)) is not None:
                    handler.send_header(name, value)
            handler.send_header("content-length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)
            return

    def _ask(
        self, node: str, handler: _Handler, body: bytes
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._connections().get(node)
        if connection is None:
            connection = http.client.HTTPConnection(node, timeout=_ANSWER_SECONDS)
            self._connections()[node] = connection
        headers = {name: handler.headers[name] for name in _PASSED if name in handler.headers}
        connection.request(handler.command, handler.path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read()

    def _connections(self) -> dict[str, http.client.HTTPConnection]:
        """This thread's, by node."""
        if not hasattr(self._mine, "connections"):
            self._mine.connections = {}
        return self._mine.connections

    def _forget(self, node: str) -> None:
        if (connection := self._connections().pop(node, None)) is not None:
            connection.close()


@contextmanager
def load_balancer(nodes: Sequence[str]) -> Generator[LoadBalancer]:
    """A proxy before these nodes (their base URLs), for the length of a block."""
    proxy = LoadBalancer(nodes)
    thread = threading.Thread(target=proxy.serve, name="proxy")
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()
