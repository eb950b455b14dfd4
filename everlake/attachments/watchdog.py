"""Ending transfers from outside: a thread that waits for a hostile peer cannot look at a clock."""

import socket
import threading
import time
from contextlib import suppress
from typing import Literal

_LOOK_SECONDS = 0.1
_IDLE_LOOKS = 20


class Watch:
    """One transfer that is watched.

    Attributes:
        until: moment of :func:`time.monotonic` at which it is ended.
        ended: why it was ended, if it was. What its reader saw since is no true end.
    """

    __slots__ = ("ended", "sock", "stop", "until")

    def __init__(self, sock: socket.socket, stop: threading.Event, until: float) -> None:
        self.sock = sock
        self.stop = stop
        self.until = until
        self.ended: Literal["stopped", "late"] | None = None


class Watchdog:
    """One thread that shuts connections down when their time is up or their fetch is stopped.

    A socket's own timeout begins anew with every byte, so that a peer which sends one now and
    then, or headers and trailers without end, would be waited for without end.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[Watch] = set()
        self._running = False
        self._asleep = False
        self._closed = False

    def begin(self, sock: socket.socket, stop: threading.Event, until: float) -> Watch:
        """Watch a connection, until :meth:`end`."""
        watch = Watch(sock, stop, until)
        with self._changed:
            self._watches.add(watch)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="fetch-watchdog", daemon=True).start()
            elif self._asleep:
                self._changed.notify()
        return watch

    def end(self, watch: Watch) -> None:
        """Let go of a connection; from here on it is not shut down."""
        with self._changed:
            self._watches.discard(watch)

    def close(self) -> None:
        """End the thread; what is still watched is watched no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            idle = 0
            while not self._closed:
                idle = 0 if self._watches else idle + 1
                # Between two requests it stays up, so that not each of them has to wake it.
                self._asleep = idle > _IDLE_LOOKS
                self._changed.wait(None if self._asleep else _LOOK_SECONDS)
                now = time.monotonic()
                for watch in list(self._watches):
                    self._look(watch, now)

    def _look(self, watch: Watch, now: float) -> None:
        if watch.stop.is_set():
            watch.ended = "stopped"
        elif now >= watch.until:
            watch.ended = "late"
        else:
            return
        self._watches.discard(watch)
        with suppress(OSError):
            # TLS has a shutdown of its own, which would take the connection from its reader.
            socket.socket.shutdown(watch.sock, socket.SHUT_RDWR)
