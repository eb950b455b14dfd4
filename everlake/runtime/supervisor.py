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

from everlake.logs import logger
from everlake.runtime.listener import LISTENER_VARIABLE
from everlake.runtime.locks import exclusive_lock, shared_lock
from everlake.settings import Settings, to_environment

LIFELINE_VARIABLE = "EVERLAKE_LIFELINE"
"""Names the pipe whose other end the parent holds: when it closes, the parent is gone."""

_API_LOCK = "api.lock"
_MAX_API_PROCESSES = 4
_SHUTDOWN_TIMEOUT = 9.0
_MIN_RESTART_DELAY = 0.2
_MAX_RESTART_DELAY = 10.0
_STABLE_SECONDS = 30.0
_POLL_SECONDS = 0.05

_log = logger()


@contextmanager
def serve_lock(data: Path) -> Generator[None]:
    """Hold the data directory against a second ``serve``.

    Raises:
        CommandError: another one runs there.
    """

    def taken(process: str) -> str:
        return (
            f"another everlake (process {process}) serves {data}: stop it first, or give this "
            "one its own --data"
        )

    with exclusive_lock(data / "serve.lock", taken):
        yield


@contextmanager
def api_lock(data: Path) -> Generator[None]:
    """Hold the data directory against a copy, as each of its API processes does.

    Raises:
        CommandError: a copy is under way.
    """
    busy = f"everlake db copy is at work on {data}: wait for it, or stop it first"
    with shared_lock(data / _API_LOCK, busy):
        yield


@contextmanager
def no_api_lock(data: Path) -> Generator[None]:
    """Hold the data directory against API processes.

    Raises:
        CommandError: one runs there, or a copy.
    """

    def taken(_: str) -> str:
        return f"an everlake api, or another db copy, is at work on {data}: stop it first"

    with exclusive_lock(data / _API_LOCK, taken):
        yield


class ChildProcess:
    """One role in a process of its own, which has the descriptors ``inherit`` as well."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        inherited_fds: Sequence[int] = (),
    ) -> None:
        self._command = [sys.executable, "-m", "everlake", *arguments]
        self._inherited_fds = inherited_fds
        self._lifeline_read_fd, self._lifeline_write_fd = os.pipe()
        self._environment = {
            **os.environ,
            **environment,
            LIFELINE_VARIABLE: str(self._lifeline_read_fd),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._restart_delay = _MIN_RESTART_DELAY
        self._restart_at = 0.0

    def restart_if_ended(self, now: float) -> None:
        """Start the process where it is not running and its pause is over."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            if now - self._started > _STABLE_SECONDS:
                self._restart_delay = _MIN_RESTART_DELAY
            _log.error(
                "a process ended", role=self._command[3], code=code, again_in=self._restart_delay
            )
            self._process = None
            self._restart_at = now + self._restart_delay
            self._restart_delay = min(self._restart_delay * 2, _MAX_RESTART_DELAY)
        if now >= self._restart_at:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command,
                env=self._environment,
                pass_fds=[self._lifeline_read_fd, *self._inherited_fds],
                start_new_session=True,
            )
            self._started = now

    def terminate(self) -> None:
        """Ask the process to finish what is in hand and end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_or_kill(self, deadline: float) -> None:
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

    def __init__(self, children: Sequence[ChildProcess], listener: socket.socket) -> None:
        self._children = children
        self._listener = listener
        self._stop = threading.Event()

    def start(self) -> None:
        """Start every child."""
        for child in self._children:
            child.restart_if_ended(time.monotonic())

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
            while not self._stop.wait(_POLL_SECONDS):
                for child in self._children:
                    child.restart_if_ended(time.monotonic())
        finally:
            self.shut_down()

    def shut_down(self) -> None:
        """End every child."""
        # Held no longer, so that the last child to leave it closes it for newcomers.
        self._listener.close()
        deadline = time.monotonic() + _SHUTDOWN_TIMEOUT
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait_or_kill(deadline)


def api_process_count(settings: Settings) -> int:
    """How many API processes share a port."""
    return settings.api_processes or min(_MAX_API_PROCESSES, os.cpu_count() or 1)


def api_children(settings: Settings, listener: socket.socket) -> list[ChildProcess]:
    """API processes that share ``listener``, and among them the memory for bodies."""
    count = api_process_count(settings)
    share = msgspec.structs.replace(
        settings, api_processes=1, body_memory=max(1, settings.body_memory // count)
    )
    descriptor = listener.fileno()
    environment = {**to_environment(share), LISTENER_VARIABLE: str(descriptor)}
    host, port = listener.getsockname()[:2]
    arguments = ["api", "--host", host, "--port", str(port)]
    return [ChildProcess(arguments, environment, [descriptor]) for _ in range(count)]


def exit_with_parent() -> None:
    """End this process in good order when the one that started it is gone, however that ended."""
    lifeline = os.environ.get(LIFELINE_VARIABLE)
    if lifeline is None:
        return

    def watch() -> None:
        os.read(int(lifeline), 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
