"""The socket that API processes share: its parent opens it, so that it outlives each of them."""

import os
import socket

LISTENER_VARIABLE = "EVERLAKE_LISTENER"
"""Names the descriptor of the listening socket that a child has from its parent."""

_BACKLOG = 1_024


class AddressInUse(Exception):
    """Another program listens there already."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at ``host`` and ``port``.

    Raises:
        AddressInUse: it could not; the message says what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise AddressInUse(
            f"{host}:{port} cannot be listened at ({error.strerror}): "
            "choose another --port, or stop the program that has it"
        ) from error
    # Whoever of many is woken for a connection may find that another has taken it.
    listener.setblocking(False)
    return listener


def inherited_listener() -> socket.socket | None:
    """The socket that the parent opened, or None where there is no such parent."""
    descriptor = os.environ.get(LISTENER_VARIABLE)
    return None if descriptor is None else socket.socket(fileno=int(descriptor))
