"""Somebody's file server: the program's HTTP server, which hands out files without any Python.

``python -m bench.peers.files PORT FOLDER``. They are at ``/files/NAME``.
"""

import asyncio
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

from bench.processes import fresh_directory, serving
from tests.integration.server import free_port

_ROUTE = "/files"
_THREADS = 2
_BLOCKING_THREADS = 8


@contextmanager
def file_server(folder: Path) -> Generator[str]:
    """The server over ``folder``; yields what the URL of a file begins with."""
    port = free_port()
    with (
        fresh_directory() as home,
        serving(["-m", "bench.peers.files", str(port), str(folder)], port, home),
    ):
        yield f"http://127.0.0.1:{port}{_ROUTE}/"


async def _not_found(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def main() -> None:
    """Serve until SIGTERM."""
    server = Server(
        _not_found,
        port=int(sys.argv[1]),
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
        runtime_threads=_THREADS,
        runtime_blocking_threads=_BLOCKING_THREADS,
        static_path_route=[_ROUTE],
        static_path_mount=[Path(sys.argv[2])],
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve()


if __name__ == "__main__":
    asyncio.run(main())
