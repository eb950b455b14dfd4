"""A proxy before any server that loses answers, or cuts connections on one side or both."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class TcpProxy:
    """Stands before the server at ``upstream``, a port of this machine; its own is ``port``.

    While ``loses_answers``, what the server says gets no further.
    """

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self.loses_answers = False
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *, tell_server: bool = True) -> None:
        """End every connection; the server's end only if it is to know."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for client, server in pairs:
            _end(client)
            if tell_server:
                _end(server)

    def close(self) -> None:
        """End, with every connection."""
        _end(self._listener)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._upstream))
                with self._lock:
                    self._pairs.append((client, server))
                for source, target in ((client, server), (server, client)):
                    threading.Thread(
                        target=self._pass_on, args=(source, target, source is server), daemon=True
                    ).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if not (is_answer and self.loses_answers):
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def tcp_proxy(upstream: int) -> Iterator[TcpProxy]:
    """A proxy for the length of a block."""
    made = TcpProxy(upstream)
    try:
        yield made
    finally:
        made.close()
