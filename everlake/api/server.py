"""Serving the application with granian, inside this process."""

import asyncio
import gc
import logging
import os
import signal
import threading

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from everlake.api.app import create_app, open_services
from everlake.logs import logger
from everlake.settings import Settings

_BACKLOG = 1_024
_HEADER_TIMEOUT_MS = 15_000
_STOP_SECONDS = 8.0
"""From the signal to the end at the latest; the design promises ten."""
_GC_YOUNG = 50_000
"""Containers made between two collections: one batch alone makes thousands, all free of cycles."""

_log = logger()


def run(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in hand and return.

    Raises:
        CatalogError: the database cannot be used.
        StorageError: the storage cannot be used.
    """
    asyncio.run(_serve(settings, host, port))


async def _serve(settings: Settings, host: str, port: int) -> None:
    services = open_services(settings)
    # Granian says that embedding is experimental and repeats what we log ourselves.
    logging.getLogger("_granian").setLevel(logging.ERROR)
    server = Server(
        create_app(services),
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        backlog=_BACKLOG,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT_MS),
        log_enabled=False,
    )

    def stop() -> None:
        server.stop()
        _end_in_time()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    # What was made up to here stays for good: keep the collector from walking it each time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_YOUNG)
    _log.info("listening", host=host, port=port)
    await server.serve()
    _log.info("stopped")


def _end_in_time() -> None:
    """End the process where a client keeps the server waiting; it has had no 202 yet."""

    def end() -> None:
        _log.warning("ended with requests in hand", after_seconds=_STOP_SECONDS)
        os._exit(0)

    timer = threading.Timer(_STOP_SECONDS, end)
    timer.daemon = True
    timer.start()
