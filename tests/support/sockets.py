"""Helpers for TCP servers and proxies of tests."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


def serve_connections(listener: socket.socket, serve: Callable[[socket.socket], object]) -> None:
    """Accept connections in a thread until the listener is closed; serve each in a thread.

    A connection that ends early raises OSError in ``serve``, which is ignored.
    """

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                start_thread(serve, connection)

    start_thread(accept)


def start_thread(function: Callable[..., object], *args: object) -> None:
    """Call a function in a daemon thread, ignoring OSError."""

    def run() -> None:
        with suppress(OSError):
            function(*args)

    threading.Thread(target=run, daemon=True).start()


def copy_stream(
    source: socket.socket, target: socket.socket, *, dropping: Callable[[], bool] = lambda: False
) -> None:
    """Send what one socket receives to the other until it ends.

    Args:
        source: where the bytes come from.
        target: where they go to.
        dropping: whether bytes that were just received are lost.
    """
    with suppress(OSError):
        while data := source.recv(65_536):
            if not dropping():
                target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def shut_down(end: socket.socket) -> None:
    """End a connection or a listener in both directions, also while threads wait on it."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
