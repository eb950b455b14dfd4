"""TCP proxy that drops responses, and closes connections on one side or both."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.sockets import copy_stream, serve_connections, shut_down, start_thread


class TcpProxy:
    """Proxy in front of a server of this machine.

    Args:
        upstream: port of the server.

    Attributes:
        port: port of the proxy.
        loses_answers: while set, bytes from the server are dropped.
    """

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self.loses_answers = False
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        serve_connections(self._listener, self._serve)

    def cut(self, *, tell_server: bool = True) -> None:
        """Close every connection to clients and, if ``tell_server``, to the server."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for client, server in pairs:
            shut_down(client)
            if tell_server:
                shut_down(server)

    def close(self) -> None:
        """Stop, and close every connection."""
        shut_down(self._listener)
        self._listener.close()
        self.cut()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._upstream))
        with self._lock:
            self._pairs.append((client, server))
        start_thread(copy_stream, client, server)
        copy_stream(server, client, dropping=lambda: self.loses_answers)


@contextmanager
def tcp_proxy(upstream: int) -> Iterator[TcpProxy]:
    """Run a proxy for the length of a block."""
    proxy = TcpProxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()
