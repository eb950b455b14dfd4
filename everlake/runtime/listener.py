"""Listening socket of API processes: their parent opens it, and it outlives each of them."""

import os
import socket
import time

from everlake.runtime.errors import AddressInUse

LISTENER_VARIABLE = "EVERLAKE_LISTENER"
"""Environment variable with the file descriptor of the socket that a child process inherits."""

_BACKLOG = 1_024
_LISTEN_TIMEOUT = 2.0
_RETRY_SECONDS = 0.1


def listen(host: str, port: int) -> socket.socket:
    """Open a socket that listens on ``host`` and ``port``.

    Raises:
        AddressInUse: the system refuses it; the message says what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # Python appends the address to the system's reason.
        reason, _, _ = (error.strerror or str(error)).partition(" (")
        raise AddressInUse(
            f"cannot listen on {host}:{port} ({reason}): choose another --host or --port, or stop "
            "the program that uses it"
        ) from error
    # One connection may wake several processes, of which all but one find nothing to accept.
    listener.setblocking(False)
    return listener


def listen_with_retry(host: str, port: int) -> socket.socket:
    """Open a listening socket, retrying while processes of a killed parent still hold the address.

    Raises:
        AddressInUse: the address is not free within two seconds.
    """
    deadline = time.monotonic() + _LISTEN_TIMEOUT
    while True:
        try:
            return listen(host, port)
        except AddressInUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)


def inherited_listener() -> socket.socket | None:
    """Return the socket inherited from a parent process, or None when there is none."""
    descriptor = os.environ.get(LISTENER_VARIABLE)
    return None if descriptor is None else socket.socket(fileno=int(descriptor))
