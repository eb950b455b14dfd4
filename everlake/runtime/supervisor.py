"""Supervisor: the parent process that keeps the API and a worker running."""

import signal
import socket
import threading
import time
from collections.abc import Sequence

from everlake.runtime.child_process import ChildProcess

_STOP_TIMEOUT = 9.0
_POLL_SECONDS = 0.05


class Supervisor:
    """Keeps child processes running until it is stopped.

    Args:
        children: processes that are not started yet.
        listener: the socket that some of them share; it is closed when they are stopped.
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
        """Ask :meth:`run` to return; usable as a signal handler."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stop.is_set()

    def run(self) -> None:
        """Restart children that end until :meth:`stop` is called, then stop all of them."""
        try:
            while not self._stop.wait(_POLL_SECONDS):
                for child in self._children:
                    child.restart_if_ended(time.monotonic())
        finally:
            self.shut_down()

    def shut_down(self) -> None:
        """Stop every child within nine seconds, and kill those that do not end by then."""
        # Closed here first, so that the address is free as soon as the last child has closed it.
        self._listener.close()
        deadline = time.monotonic() + _STOP_TIMEOUT
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait_or_kill(deadline)


def start_supervisor(children: Sequence[ChildProcess], listener: socket.socket) -> Supervisor:
    """Start the children; SIGTERM and SIGINT stop them."""
    supervisor = Supervisor(children, listener)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.stop)
    supervisor.start()
    return supervisor
