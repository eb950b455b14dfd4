"""One machine's parent process: starts the API and a worker, and starts again what dies."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from everlake.cli.context import fail
from everlake.logs import logger

LIFELINE = "EVERLAKE_LIFELINE"
"""Names the pipe whose other end the parent holds: when it closes, the parent is gone."""

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
    data.mkdir(parents=True, exist_ok=True)
    with (data / "serve.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            fail(
                f"another everlake (process {file.read().strip() or 'unknown'}) serves {data}: "
                "stop it first, or give this one its own --data"
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


class Child:
    """One role in a process of its own."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-m", "everlake", *arguments]
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
                pass_fds=[self._lifeline],
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
    """Keeps children running until it is told to stop."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
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
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.reap(deadline)


def end_with_parent() -> None:
    """End this process in good order when the one that started it is gone, however that ended."""
    lifeline = os.environ.get(LIFELINE)
    if lifeline is None:
        return

    def watch() -> None:
        os.read(int(lifeline), 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
