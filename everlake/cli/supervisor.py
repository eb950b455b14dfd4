"""One machine's parent process: starts the API and a worker, and starts again what dies."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from everlake.cli.listener import LISTENER
from everlake.cli.lock import hold, share
from everlake.logs import logger
from everlake.settings import Settings, environment_of

LIFELINE = "EVERLAKE_LIFELINE"
"""Names the pipe whose other end the parent holds: when it closes, the parent is gone."""

_API_LOCK = "api.lock"
_MOST_API_PROCESSES = 4
_STOP_SECONDS = 9.0
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
_STEADY_SECONDS = 30.0
_LOOK_SECONDS = 0.05

_log = logger()


@contextmanager
def only_one(data: Path) -> Generator[None]:
    """Hold the data directory against a second ``serve``.

    Raises:
        CommandError: another one runs there.
    """

    def taken(process: str) -> str:
        return (
            f"another everlake (process {process}) serves {data}: stop it first, or give this "
            "one its own --data"
        )

    with hold(data / "serve.lock", taken):
        yield


@contextmanager
def among_apis(data: Path) -> Generator[None]:
    """Hold the data directory against a copy, as each of its API processes does.

    Raises:
        CommandError: a copy is under way.
    """
    busy = f"everlake db copy is at work on {data}: wait for it, or stop it first"
    with share(data / _API_LOCK, busy):
        yield


@contextmanager
def without_apis(data: Path) -> Generator[None]:
    """Hold the data directory against API processes.

    Raises:
        CommandError: one runs there, or a copy.
    """

    def taken(_: str) -> str:
        return f"an everlake api, or another db copy, is at work on {data}: stop it first"

    with hold(data / _API_LOCK, taken):
        yield


class Child:
    """One role in a process of its own, which has the descriptors ``inherit`` as well."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        inherit: Sequence[int] = (),
    ) -> None:
        self._command = [sys.executable, "-m", "everlake", *arguments]
        self._inherit = inherit
        self._lifeline, self._held_end = os.pipe()
        self._environment = {**os.environ, **environment, LIFELINE: str(self._lifeline)}
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = _FIRST_PAUSE
        self._due = 0.0

    def look(self, now: float) -> None:
        """Start the process where it is not running and its pause is over."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            if now - self._started > _STEADY_SECONDS:
                self._pause = _FIRST_PAUSE
            _log.error("a process ended", role=self._command[3], code=code, again_in=self._pause)
            self._process = None
            self._due = now + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        if now >= self._due:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command,
                env=self._environment,
                pass_fds=[self._lifeline, *self._inherit],
                start_new_session=True,
            )
            self._started = now

    def terminate(self) -> None:
        """Ask the process to finish what is in hand and end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def reap(self, deadline: float) -> None:
        """Wait for the end until ``deadline``, then force it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _log.warning("forced to end", role=self._command[3])
            self._process.kill()
            self._process.wait()


class Supervisor:
    """Keeps children running until it is told to stop.

    Args:
        children: not started yet.
        listener: the socket some of them share; closed at the end.
    """

    def __init__(self, children: Sequence[Child], listener: socket.socket) -> None:
        self._children = children
        self._listener = listener
        self._stop = threading.Event()

    def start(self) -> None:
        """Start every child."""
        for child in self._children:
            child.look(time.monotonic())

    def stop(self, *_: object) -> None:
        """Ask :meth:`run` to end; fit to be a signal's handler."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether the end has been asked for."""
        return self._stop.is_set()

    def run(self) -> None:
        """Watch the children until :meth:`stop`, then end them, within ten seconds."""
        try:
            while not self._stop.wait(_LOOK_SECONDS):
                for child in self._children:
                    child.look(time.monotonic())
        finally:
            self.end()

    def end(self) -> None:
        """End every child."""
        # Held no longer, so that the last child to leave it closes it for newcomers.
        self._listener.close()
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.reap(deadline)


def api_count(settings: Settings) -> int:
    """How many API processes share a port."""
    return settings.api_processes or min(_MOST_API_PROCESSES, os.cpu_count() or 1)


def api_children(settings: Settings, listener: socket.socket) -> list[Child]:
    """API processes that share ``listener``, and among them the memory for bodies."""
    count = api_count(settings)
    share = msgspec.structs.replace(
        settings, api_processes=1, body_memory=max(1, settings.body_memory // count)
    )
    descriptor = listener.fileno()
    environment = {**environment_of(share), LISTENER: str(descriptor)}
    host, port = listener.getsockname()[:2]
    arguments = ["api", "--host", host, "--port", str(port)]
    return [Child(arguments, environment, [descriptor]) for _ in range(count)]


def end_with_parent() -> None:
    """End this process in good order when the one that started it is gone, however that ended."""
    lifeline = os.environ.get(LIFELINE)
    if lifeline is None:
        return

    def watch() -> None:
        os.read(int(lifeline), 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
