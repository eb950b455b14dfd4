"""The benchmark's own HTTP client and driver, against a server that answers as it is told."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from bench.client import Connection, HttpResponse, request_head
from bench.driver import LoadPlan, post_all


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seconds = 0.0
    seen: list[Message]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for part in (b"one ", b"and two", b""):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        time.sleep(self.seconds)
        self.seen.append(self.headers)
        self.send_response(202)
        self.send_header("content-length", str(len(body)))
        if self.path == "/close":
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@contextmanager
def _serving(seconds: float = 0.0, seen: list[Message] | None = None) -> Generator[int]:
    members = {"seconds": seconds, "seen": [] if seen is None else seen}
    handler = type("Handler", (_Handler,), members)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _plan(port: int, folder: Path, **changes: object) -> LoadPlan:
    files = [folder / "a", folder / "b"]
    for file in files:
        file.write_bytes(file.name.encode() * 100_000)
    plan = {
        "port": port,
        "path": "/",
        "headers": {},
        "bodies": [str(file) for file in files],
        "requests": 6,
        "connections": 2,
    }
    return LoadPlan(**(plan | changes))  # pyright: ignore[reportArgumentType]


def test_an_answer_in_chunks_is_put_together():
    with _serving() as port:
        connection = Connection(port)
        for _ in range(2):
            answer = connection.get(request_head("GET", "/", {}))
            assert answer == HttpResponse(200, b"one and two")
        connection.close()


@pytest.mark.parametrize("path", ["/", "/close"])
def test_every_request_is_answered_also_when_the_server_closes(path: str, tmp_path: Path):
    with _serving() as port:
        load = post_all(_plan(port, tmp_path, path=path))

    assert len(load.latencies) == len(load.finished) == 6
    assert min(load.latencies) > 0
    assert load.seconds == max(load.finished)


def test_requests_use_the_keys_in_turn_and_each_an_idempotency_key_of_its_own(tmp_path: Path):
    seen: list[Message] = []
    with _serving(seen=seen) as port:
        post_all(_plan(port, tmp_path, api_keys=["one", "two"], idempotent=True))

    assert sorted(head["x-api-key"] for head in seen) == ["one"] * 3 + ["two"] * 3
    assert len({head["idempotency-key"] for head in seen}) == 6


def test_an_answer_that_was_not_expected_ends_the_run_with_its_text(tmp_path: Path):
    with _serving() as port, pytest.raises(RuntimeError, match="request 0: 202 aaa"):
        post_all(_plan(port, tmp_path, connections=1, status=200))
    with _serving() as port, pytest.raises(RuntimeError, match="request 1: 202 bbb"):
        post_all(_plan(port, tmp_path, connections=1, expect="a"))


def test_a_request_that_had_to_wait_for_another_counts_from_when_it_was_due(tmp_path: Path):
    with _serving(seconds=0.05) as port:
        load = post_all(_plan(port, tmp_path, connections=1, rate=1_000.0))

    # One after another over one connection, and all due at once: each waits for those before it.
    assert all(earlier < later for earlier, later in pairwise(load.latencies))
    assert load.latencies[-1] > 6 * 0.05 - 6 / 1_000
