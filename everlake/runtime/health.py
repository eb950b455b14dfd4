"""Health check of the API from the machine that serves it."""

import http.client
import time

from everlake.runtime.errors import StartupTimeout
from everlake.runtime.supervisor import Supervisor

_STARTUP_TIMEOUT = 30.0
_REQUEST_TIMEOUT = 2.0
_POLL_SECONDS = 0.02


def wait_until_healthy(supervisor: Supervisor, host: str, port: int) -> None:
    """Wait until the API answers, or until the supervisor is asked to stop.

    Args:
        supervisor: the parent of the API processes.
        host: address that the API listens on, as given on the command line.
        port: its port.

    Raises:
        StartupTimeout: there is no answer within 30 seconds.
    """
    deadline = time.monotonic() + _STARTUP_TIMEOUT
    while not supervisor.stopping:
        try:
            _request_health(_connect_host(host), port)
        except (OSError, http.client.HTTPException):
            if time.monotonic() > deadline:
                raise StartupTimeout(
                    "the API does not start: the log lines above say why"
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return


def base_url(host: str, port: int) -> str:
    """Return the URL at which this machine reaches an API that listens on ``host`` and ``port``."""
    reachable = _connect_host(host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _request_health(host: str, port: int) -> None:
    """Send a request: the socket accepts connections before any process answers them."""
    connection = http.client.HTTPConnection(host, port, timeout=_REQUEST_TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    finally:
        connection.close()


def _connect_host(host: str) -> str:
    """Return the loopback address when ``host`` means all addresses of the machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
