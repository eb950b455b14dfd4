"""A proxy as it may stand between a company and the world."""

import socket
import threading
from contextlib import suppress


class ForwardProxy:
    """Notes what it is asked for, and connects everything to one server of this machine.

    Args:
        port: of the server.
        tunnels: whether it lets ``CONNECT`` through.
    """

    def __init__(self, port: int, *, allow_connect: bool = False) -> None:
        self._target = port
        self._allow_connect = allow_connect
        self.request_lines: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = client.recv(65_536)
        line = head.partition(b"\r\n")[0].decode()
        self.request_lines.append(line)
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            if not line.startswith("CONNECT"):
                method, url, version = line.split()
                asked = f"{method} /{url.split('/', 3)[3]} {version}"
                server.sendall(head.replace(line.encode(), asked.encode(), 1))
            elif self._allow_connect:
                # A head with a length of its own, which is nobody's.
                client.sendall(b"HTTP/1.1 200 Connected\r\nContent-Length: 5\r\n\r\n")
                threading.Thread(target=_forward, args=(client, server), daemon=True).start()
            else:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                return
            _forward(server, client)


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
