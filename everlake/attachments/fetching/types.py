"""Types of fetching."""

from pathlib import Path

import msgspec

CANCELLATION_POLL_SECONDS = 0.1
"""Longest wait between two checks for cancellation."""


class FetchLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one fetch.

    Attributes:
        max_bytes: largest size of the content, after decoding.
        connect_timeout: seconds for a connection to one address, including TLS.
        idle_timeout: seconds without a byte of the body; also seconds for all headers of a
            response.
        total_timeout: seconds for the whole fetch, including redirects, from the moment that the
            URL's host has a free connection slot.
        max_redirects: largest number of redirects followed.
        least_speed: bytes of the body a second, on average of ``speed_window``.
        speed_window: seconds.
    """

    max_bytes: int
    connect_timeout: float
    idle_timeout: float
    total_timeout: float
    max_redirects: int
    least_speed: int = 1024
    speed_window: float = 60.0


class ConnectionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of every connection.

    Attributes:
        connect_timeout: seconds for a connection, including TLS.
        proxy: ``http://host:port`` of a proxy for all requests; None to connect to addresses.
        ca_file: certificate authorities (PEM) trusted in addition to the system's.
    """

    connect_timeout: float
    proxy: str | None = None
    ca_file: Path | None = None


class CurlError(msgspec.Struct, frozen=True, kw_only=True):
    """Failure of a transfer, as libcurl reports it.

    Attributes:
        code: libcurl error code, not 0; see libcurl-errors(3).
        connected: whether the request had a connection. False also when a kept connection was
            closed by the peer and a new one failed.
        detail: libcurl's text. It may contain internal addresses, and so is for logs only.
    """

    code: int
    connected: bool
    detail: str = ""


class ContentRange(msgspec.Struct, frozen=True, kw_only=True):
    """Value of ``Content-Range``: bytes ``first`` to ``last`` of ``total`` (None: unknown)."""

    first: int
    last: int
    total: int | None
