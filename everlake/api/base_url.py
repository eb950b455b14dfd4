"""Base URL of the server, as its clients reach it."""

import re

from litestar.types import HTTPScope

from everlake.contract.errors import ErrorCode, WireError

_HOST = re.compile(rb"(?:[A-Za-z0-9._\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
_MAX_PORT = 65_535


def check_host(scope: HTTPScope) -> None:
    """Check the ``Host`` header of a request: one, and a valid one (RFC 9112, 3.2).

    It may be missing or empty, as in the health checks of load balancers, which speak HTTP/1.0.

    Raises:
        WireError: ``INVALID_PARAMETER``.
    """
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if not b"".join(hosts):
        return
    found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if found is None or int(found[1] or 0) > _MAX_PORT:
        raise WireError(
            ErrorCode.INVALID_PARAMETER,
            "Host must be one host name or address, with a port if there is one.",
        )


def base_url_of(scope: HTTPScope, public_url: str) -> str:
    """Return the URL to show to a client, without a slash at its end.

    Args:
        scope: of a request whose host is valid.
        public_url: what the operator has set; empty to take the host of the request.
    """
    if public_url:
        return public_url.rstrip("/")
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return f"{scope['scheme']}://{host.decode() or 'localhost'}"
