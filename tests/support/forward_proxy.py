"""HTTP forward proxy, as an operator may put it between Everlake and the internet."""

import socket

from tests.support.sockets import copy_stream, serve_connections, shut_down, start_thread


class ForwardProxy:
    """Proxy that records its requests and connects all of them to one server of this machine.

    Args:
        port: port of the server.
        allow_connect: whether ``CONNECT`` is allowed.

    Attributes:
        request_lines: first lines of all requests.
        url: URL of the proxy.
    """

    def __init__(self, port: int, *, allow_connect: bool = False) -> None:
        self._target = port
        self._allow_connect = allow_connect
        self.request_lines: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        serve_connections(self._listener, self._serve)

    def close(self) -> None:
        """Stop accepting connections."""
        shut_down(self._listener)
        self._listener.close()

    def _serve(self, client: socket.socket) -> None:
        head = client.recv(65_536)
        line = head.partition(b"\r\n")[0].decode()
        self.request_lines.append(line)
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            if not line.startswith("CONNECT"):
                method, url, version = line.split()
                origin_line = f"{method} /{url.split('/', 3)[3]} {version}"
                server.sendall(head.replace(line.encode(), origin_line.encode(), 1))
            elif self._allow_connect:
                # A Content-Length in a response to CONNECT must be ignored (RFC 9110, 9.3.6).
                client.sendall(b"HTTP/1.1 200 Connected\r\nContent-Length: 5\r\n\r\n")
                start_thread(copy_stream, client, server)
            else:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                return
            copy_stream(server, client)
