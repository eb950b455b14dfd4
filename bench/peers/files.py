"""Somebody's file server: each file with its length and an ETag, sent by ``sendfile(2)``.

``python -m bench.peers.files PORT FOLDER``. A thread a connection; of a file's bytes none comes
into this process.
"""

import os
import socket
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.processes import fresh_directory, serving_peer
from tests.support.server import free_port

_HEAD = 16 * 1024
_BACKLOG = 256


@contextmanager
def file_server(folder: Path) -> Generator[str]:
    """The server over ``folder``; yields what the URL of a file begins with."""
    port = free_port()
    with (
        fresh_directory() as home,
        serving_peer(["-m", "bench.peers.files", str(port), str(folder)], port, home),
    ):
        yield f"http://127.0.0.1:{port}/"


def _serve(connection: socket.socket, folder: int) -> None:
    """Answer one request after the other, until the peer has enough."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, suppress(ConnectionError):
        received = b""
        while True:
            while b"\r\n\r\n" not in received:
                more = connection.recv(_HEAD)
                if not more:
                    return
                received += more
            head, _, received = received.partition(b"\r\n\r\n")
            _answer(connection, folder, head.split(b" ", 2)[1].lstrip(b"/"))


def _answer(connection: socket.socket, folder: int, name: bytes) -> None:
    try:
        file = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        connection.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        return
    try:
        facts = os.fstat(file)
        lines = (
            "HTTP/1.1 200 OK",
            "content-type: application/octet-stream",
            f"content-length: {facts.st_size}",
            f'etag: "{facts.st_mtime_ns:x}-{facts.st_size:x}"',
            "accept-ranges: none",
        )
        connection.sendall("\r\n".join((*lines, "", "")).encode(), socket.MSG_MORE)
        at = 0
        while at < facts.st_size:
            at += os.sendfile(connection.fileno(), file, at, facts.st_size - at)
    finally:
        os.close(file)


def main() -> None:
    """Serve until SIGTERM."""
    folder = os.open(sys.argv[2], os.O_RDONLY | os.O_DIRECTORY)
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=_BACKLOG) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, folder), daemon=True).start()


if __name__ == "__main__":
    main()
