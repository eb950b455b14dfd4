"""The raw limit: the same HTTP server, which appends each body to a file and syncs it.

``python -m bench.peers.raw_limit PORT FILE``. It parses nothing, keeps no index, and cannot tell
one sender from another.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

from bench.processes import serving_peer
from tests.support.server import free_port


@contextmanager
def raw_limit(directory: Path) -> Generator[int]:
    """The server over a new file in ``directory``; yields its port."""
    port = free_port()
    file = directory / "raw"
    with serving_peer(["-m", "bench.peers.raw_limit", str(port), str(file)], port, directory):
        yield port
    file.unlink()


def application(path: str) -> Any:
    """An ASGI application over the file at ``path``."""
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    pool = ThreadPoolExecutor(1)

    def append(body: bytes) -> None:
        os.write(handle, body)
        os.fdatasync(handle)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        parts: list[bytes] = []
        more = scope["method"] == "POST"
        while more:
            message = await receive()
            parts.append(message["body"])
            more = message["more_body"]
        if parts:
            await asyncio.get_running_loop().run_in_executor(pool, append, b"".join(parts))
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    return app


async def main() -> None:
    """Serve until SIGTERM."""
    port, path = int(sys.argv[1]), sys.argv[2]
    server = Server(
        application(path), port=port, interface=Interfaces.ASGI, websockets=False, log_enabled=False
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve()


if __name__ == "__main__":
    asyncio.run(main())
