"""Whether an address is free to listen at."""

import socket


class AddressInUse(Exception):
    """Another program listens there already."""


def check_address(host: str, port: int) -> None:
    """Return when this process could listen at ``host`` and ``port``.

    Raises:
        AddressInUse: it could not; the message says what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AddressInUse(
                f"{host}:{port} cannot be listened at ({error.strerror}): "
                "choose another --port, or stop the program that has it"
            ) from error
