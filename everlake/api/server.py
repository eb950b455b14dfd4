"""Serving the application with granian, inside this process."""

import asyncio
import gc
import logging
import os
import signal
import socket
import threading

from granian._granian import SocketHolder
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from litestar.types import ASGIApp

from everlake import tracing
from everlake.api.app import create_app, open_services
from everlake.logs import logger
from everlake.memory import retain_freed_memory
from everlake.settings import Settings

_MAX_CONNECTIONS = 1_024
"""Served at a time; event streams take up to 500 of them. More wait to be accepted."""
_HEADER_TIMEOUT_MS = 15_000
_SHUTDOWN_SECONDS = 8.0
"""From the signal to the end at the latest; the design promises ten."""
_GC_THRESHOLD = 50_000
"""Containers made between two collections: one batch alone makes thousands, all free of cycles."""

_log = logger()


class _GranianServer(Server):
    """Granian on a socket that is open already, and may be shared with other processes."""

    def __init__(self, application: ASGIApp, listener: socket.socket) -> None:
        super().__init__(
            application,
            interface=Interfaces.ASGI,
            backpressure=_MAX_CONNECTIONS,
            websockets=False,
            http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT_MS),
            log_enabled=False,
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        self._ssp = None
        self._sfd = self._listener.fileno()
        # The stub knows no arguments; it is how granian itself hands a socket to its workers.
        self._shd = SocketHolder(self._sfd, False, self.backlog)  # pyright: ignore[reportCallIssue]


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in hand and return.

    Args:
        settings: whose directories and limits.
        listener: listens already.

    Raises:
        CatalogError: the database cannot be used.
        StorageError: the storage cannot be used.
    """
    retain_freed_memory()
    asyncio.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    tracing.start_tracing("api")
    services = open_services(settings)
    # Granian says that embedding is experimental and repeats what we log ourselves.
    logging.getLogger("_granian").setLevel(logging.ERROR)
    server = _GranianServer(create_app(services), listener)

    def stop() -> None:
        # The server waits for every answer, and an event stream has no end of its own.
        services.subscriptions.close()
        server.stop()
        _exit_after_shutdown_timeout()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    # What was made up to here stays for good: keep the collector from walking it each time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    host, port = listener.getsockname()[:2]
    _log.info("listening", host=host, port=port)
    await server.serve()
    tracing.stop_tracing()
    _log.info("stopped")


def _exit_after_shutdown_timeout() -> None:
    """End the process where a client keeps the server waiting; it has had no 202 yet."""

    def end() -> None:
        _log.warning("ended with requests in hand", after_seconds=_SHUTDOWN_SECONDS)
        os._exit(0)

    timer = threading.Timer(_SHUTDOWN_SECONDS, end)
    timer.daemon = True
    timer.start()
