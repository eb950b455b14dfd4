"""Many clients at an API whose database stands still for a while: who waits, and what it holds."""

import os
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.client import Connection, RequestBody
from bench.processes import resident_bytes
from tests.support.postgres import PostgresServer
from tests.support.processes import process_tree

RETRY_SECONDS = 1.0
"""After a 503: sooner than its ``Retry-After`` asks for."""
_SAMPLE_SECONDS = 0.05


class TimedResponse(msgspec.Struct, frozen=True):
    """An answer: its status, when it came, and after how long; seconds of the run."""

    status: int
    at: float
    after: float


class MemorySample(msgspec.Struct, frozen=True):
    """At a moment of the run: requests without an answer, and the API's resident bytes."""

    at: float
    waiting: int
    resident_bytes: int


class ClientPool:
    """Clients that send one request after another until they are told to stop.

    Args:
        port: of the API.
        path, headers: of each request.
        files: bodies, in turn.
        clients: how many, with a connection each.
        pids: the API's processes, whose memory is looked at.
    """

    def __init__(
        self,
        port: int,
        path: str,
        headers: dict[str, str],
        files: list[Path],
        clients: int,
        pids: list[int],
    ) -> None:
        self.responses: list[TimedResponse] = []
        self.samples: list[MemorySample] = []
        self.errors: list[str] = []
        self._port = port
        self._bodies = [RequestBody(path, headers, file) for file in files]
        self._pids = pids
        self._waiting = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(number,)) for number in range(clients)
        ]
        self._threads.append(threading.Thread(target=self._sample))
        self._started = time.perf_counter()

    @property
    def now(self) -> float:
        """Seconds of the run."""
        return time.perf_counter() - self._started

    @contextmanager
    def running(self) -> Generator[None]:
        """All of them, for the length of a block; each then waits for its last answer."""
        self._started = time.perf_counter()
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _send(self, number: int) -> None:
        connection = Connection(self._port)
        while not self._stop.is_set():
            body = self._bodies[number % len(self._bodies)]
            with self._lock:
                self._waiting += 1
            begun = self.now
            try:
                status = connection.post(body).status
            except OSError as error:
                self.errors.append(repr(error))
                connection.close()
                status = 0
            finally:
                with self._lock:
                    self._waiting -= 1
            self.responses.append(TimedResponse(status, self.now, self.now - begun))
            if status != 202:
                self._stop.wait(RETRY_SECONDS)
        connection.close()

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            held = sum(map(resident_bytes, self._pids))
            self.samples.append(MemorySample(self.now, self._waiting, held))


@contextmanager
def suspended(server: PostgresServer) -> Generator[None]:
    """The database and all its processes stopped by a signal, their connections open."""
    assert server.pid is not None
    stopped = process_tree(server.pid)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
