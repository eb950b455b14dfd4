"""Child process of a supervisor: started, restarted when it ends, and stopped."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

from everlake.logs import logger

LIFELINE_VARIABLE = "EVERLAKE_LIFELINE"
"""Environment variable with the descriptor of a pipe that closes when the parent process ends."""

_MIN_RESTART_DELAY = 0.2
_MAX_RESTART_DELAY = 10.0
_STABLE_SECONDS = 30.0
"""A process that ran for this long is restarted after the shortest delay again."""

_log = logger()


class ChildProcess:
    """An ``everlake`` command that runs as a child process and is restarted when it ends.

    Args:
        arguments: the command's arguments, its name first.
        environment: variables to set beside those of this process.
        inherited_fds: file descriptors that the child inherits.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        inherited_fds: Sequence[int] = (),
    ) -> None:
        self._role = arguments[0]
        self._command = [sys.executable, "-m", "everlake", *arguments]
        # This process keeps the write end open and never writes: the system closes it at its end.
        lifeline, self._lifeline_write_fd = os.pipe()
        self._inherited_fds = [lifeline, *inherited_fds]
        self._environment = {**os.environ, **environment, LIFELINE_VARIABLE: str(lifeline)}
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._restart_delay = _MIN_RESTART_DELAY
        self._restart_at = 0.0

    def restart_if_ended(self, now: float) -> None:
        """Start the process when it does not run and its restart delay is over.

        The delay doubles with each restart, up to ten seconds.

        Args:
            now: seconds of the monotonic clock.
        """
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            if now - self._started_at > _STABLE_SECONDS:
                self._restart_delay = _MIN_RESTART_DELAY
            _log.error(
                "process ended", role=self._role, code=code, restart_in_seconds=self._restart_delay
            )
            self._process = None
            self._restart_at = now + self._restart_delay
            self._restart_delay = min(self._restart_delay * 2, _MAX_RESTART_DELAY)
        if now >= self._restart_at:
            self._process = subprocess.Popen(  # noqa: S603 - this program itself
                self._command,
                env=self._environment,
                pass_fds=self._inherited_fds,
                start_new_session=True,
            )
            self._started_at = now

    def terminate(self) -> None:
        """Send SIGTERM: the process finishes its current steps and ends."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_or_kill(self, deadline: float) -> None:
        """Wait until the process ends, and kill it at ``deadline`` of the monotonic clock."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _log.warning("process killed after the stop timeout", role=self._role)
            self._process.kill()
            self._process.wait()


def exit_with_parent() -> None:
    """Send this process SIGTERM when its parent ends, in whatever way that happens.

    Does nothing in a process that no :class:`ChildProcess` started.
    """
    lifeline = os.environ.get(LIFELINE_VARIABLE)
    if lifeline is None:
        return

    def wait_for_end() -> None:
        os.read(int(lifeline), 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_end, name="lifeline", daemon=True).start()
