"""HTTP server: the application in Granian, inside this process."""

import asyncio
import gc
import logging
import os
import signal
import socket
import threading

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from litestar.types import ASGIApp

from everlake import tracing
from everlake.api.app import create_app
from everlake.api.connections import MAX_CONNECTIONS, Connections
from everlake.api.opening import open_services
from everlake.fair_threads import FairThreadPool
from everlake.logs import logger
from everlake.memory import retain_freed_memory
from everlake.settings import Settings

HEADER_TIMEOUT_MS = 15_000
MAX_HEAD_BYTES = 256 * 1024
_SHUTDOWN_SECONDS = 8.0
"""Longest time from the signal to the end; ``serve`` kills the process after nine."""
_GC_THRESHOLD = 50_000
"""Allocations between two collections: a batch alone makes thousands of objects, without cycles."""

WAITING_THREADS = 32
"""Threads of a process for calls that wait for the database or the storage."""
WAITING_SHARE = 8
"""Those of them that one workspace has at a time."""

_log = logger()


class _GranianServer(Server):
    """Granian on a socket that is listening already, and may be shared with other processes."""

    def __init__(self, application: ASGIApp, listener: socket.socket) -> None:
        super().__init__(
            application,
            interface=Interfaces.ASGI,
            # HTTP/2 has no limit for the time in which the head of a request arrives.
            http=HTTPModes.http1,
            backpressure=MAX_CONNECTIONS,
            websockets=False,
            http1_settings=HTTP1Settings(
                header_read_timeout=HEADER_TIMEOUT_MS, max_buffer_size=MAX_HEAD_BYTES
            ),
            log_enabled=False,
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        self._ssp = None
        self._sfd = self._listener.fileno()
        # Granian passes sockets to its own workers like this; the type stub lacks the arguments.
        self._shd = SocketHolder(self._sfd, False, self.backlog)  # pyright: ignore[reportCallIssue]


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, then finish the open requests and return.

    Args:
        settings: of the installation.
        listener: a listening socket.

    Raises:
        CatalogError: the database cannot be used.
        StorageError: the storage cannot be used.
    """
    retain_freed_memory()
    asyncio.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    tracing.start_tracing("api")
    services = open_services(settings)
    host, port = listener.getsockname()[:2]
    # Granian warns that embedding is experimental, and repeats what is logged here.
    logging.getLogger("_granian").setLevel(logging.ERROR)
    server = _GranianServer(create_app(services, Connections(port)), listener)

    def stop() -> None:
        # The server waits for all responses, and an event stream does not end by itself.
        services.subscriptions.close()
        server.stop()
        _exit_after_shutdown_timeout()

    loop = asyncio.get_running_loop()
    loop.set_default_executor(FairThreadPool(WAITING_THREADS, WAITING_SHARE, "waiting"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    # Objects that exist now live as long as the process: the collector need not visit them.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    _log.info("listening", host=host, port=port)
    await server.serve()
    tracing.stop_tracing()
    _log.info("stopped")


def _exit_after_shutdown_timeout() -> None:
    """End the process when a client keeps the server waiting; it has not received a 202 yet."""

    def end() -> None:
        _log.warning("ended before all requests were finished", after_seconds=_SHUTDOWN_SECONDS)
        os._exit(0)

    timer = threading.Timer(_SHUTDOWN_SECONDS, end)
    timer.daemon = True
    timer.start()
