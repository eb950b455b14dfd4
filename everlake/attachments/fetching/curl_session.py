"""HTTP requests over libcurl, one transfer at a time, on a connection that is kept for the next.

The transfer runs through libcurl's multi-socket interface, step by step in the caller's thread, so
that it can be cancelled and bounded in time and memory. See libcurl-multi(3).
"""

import ipaddress
import math
import os
import re
import select
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pycurl

from everlake import __version__
from everlake.attachments.fetching.http_headers import ResponseHeaders
from everlake.attachments.fetching.types import ConnectionOptions, CurlError
from everlake.attachments.fetching.url import ParsedUrl

USER_AGENT = f"everlake/{__version__}"
_MAX_CONNECTION_AGE_SECONDS = 30
_BUFFER_BYTES = 256 * 1024
_MAX_BUFFERED_CHUNKS = 16
"""Chunks have at most 16 KiB (CURL_MAX_WRITE_SIZE in curl/curl.h): as much as ``_BUFFER_BYTES``."""
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?![^ \r\n])")
_ABORT_TRANSFER = -1
"""Return value with which a header callback ends the transfer."""
_POLL_EVENTS = {
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


class CurlSession:
    """One libcurl handle and the connection that it keeps for its next transfer.

    It follows no redirects, keeps no cookies, sends no credentials, and ignores the environment.
    It opens sockets only to the address given to :meth:`start`, whatever the URL says.

    Args:
        options: options of every connection.

    Attributes:
        last_endpoint: origin and address of the last response: the kept connection, if there is
            one, leads there.
        connected: whether the request had a connection.
        status: HTTP status once all headers are received; 0 before.
        headers: the received headers.
        done: whether the transfer has ended, with or without success.
        error: reason of a transfer that failed; None otherwise.
    """

    def __init__(self, options: ConnectionOptions) -> None:
        self.last_endpoint = ("", "")
        self.connected = False
        self.status = 0
        self.headers = ResponseHeaders()
        self.done = False
        self.error: CurlError | None = None
        self._uses_proxy = options.proxy is not None
        self._origin, self._address = "", ""
        self._idle_socket = -1
        self._header_lines: list[bytes] = []
        self._chunks: list[bytes] = []
        self._paused = False
        self._timer_deadline: float | None = None
        self._poller = select.poll()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket_change)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer_change)
        self._multi.setopt(pycurl.M_MAXCONNECTS, 1)
        self._easy = pycurl.Curl()
        for option, value in self._curl_options(options).items():
            self._easy.setopt(option, value)

    def start(self, location: ParsedUrl, address: str, header_fields: Sequence[str]) -> None:
        """Start a GET request. The previous transfer must be finished.

        Args:
            location: the URL. Its host is sent in ``Host`` and SNI, and the certificate must be
                valid for it.
            address: the address to connect to, which the SSRF guard has allowed; ignored with a
                proxy.
            header_fields: additional header lines.
        """
        self.connected = False
        self.status, self.headers = 0, ResponseHeaders()
        self.done, self.error = False, None
        self._origin, self._address = location.origin, address
        easy = self._easy
        easy.setopt(pycurl.URL, f"{location.origin}/")
        # Sent as it is: libcurl neither parses nor normalises it.
        forwarded = self._uses_proxy and location.scheme == "http"
        easy.setopt(pycurl.REQUEST_TARGET, location.url if forwarded else location.target)
        if not self._uses_proxy:
            host = f"[{address}]" if ":" in address else address
            easy.setopt(pycurl.CONNECT_TO, [f"::{host}:{location.port}"])
        # The origin is compared because a connection to a proxy could serve several hosts, and
        # what one of them sends beyond its end would count as the response of the next.
        needs_new = self._has_stale_connection() or self.last_endpoint[0] != location.origin
        easy.setopt(pycurl.FRESH_CONNECT, int(needs_new))
        lines = ("Accept-Encoding: identity", "Proxy-Connection:", *header_fields)
        easy.setopt(pycurl.HTTPHEADER, [line.encode("latin-1") for line in lines])
        self._multi.add_handle(easy)
        self._run_timers()

    def perform(self, timeout: float) -> None:
        """Advance the transfer, waiting at most ``timeout`` seconds for the network."""
        if self._timer_deadline is not None:
            timeout = min(timeout, self._timer_deadline - time.monotonic())
        for handle, event in self._poller.poll(max(0, math.ceil(timeout * 1000))):
            reads = pycurl.CSELECT_IN if event & ~select.POLLOUT else 0
            writes = pycurl.CSELECT_OUT if event & select.POLLOUT else 0
            self._socket_action(handle, reads | writes)
        if self._timer_deadline is not None and time.monotonic() >= self._timer_deadline:
            self._run_timers()

    def read_available(self) -> bytes:
        """Return what was received of the body since the last call, 256 KiB at most."""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._paused:
            self._paused = False
            self._easy.pause(pycurl.PAUSE_CONT)
        return data

    def finish(self) -> None:
        """End the transfer; its connection is closed unless all of the response was received."""
        if self._easy in self._multi:
            self._multi.remove_handle(self._easy)
        self._header_lines.clear()
        self._chunks.clear()
        self._paused = False

    def close(self) -> None:
        """End the transfer and close the connection."""
        self.finish()
        self._easy.close()
        self._multi.close()

    def _curl_options(self, options: ConnectionOptions) -> dict[int, Any]:
        """Return the options that hold for every transfer."""
        curl_options: dict[int, Any] = {
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.HTTP09_ALLOWED: 0,
            pycurl.FOLLOWLOCATION: 0,
            pycurl.NETRC: pycurl.NETRC_IGNORED,
            pycurl.NOSIGNAL: 1,
            pycurl.USERAGENT: USER_AGENT,
            pycurl.BUFFERSIZE: _BUFFER_BYTES,
            pycurl.MAXAGE_CONN: _MAX_CONNECTION_AGE_SECONDS,
            pycurl.CONNECTTIMEOUT_MS: max(1, math.ceil(options.connect_timeout * 1000)),
            # An empty string means no proxy, and overrides the environment.
            pycurl.PROXY: options.proxy or "",
            pycurl.NOPROXY: "",
            pycurl.PREREQFUNCTION: self._on_connected,
            pycurl.HEADERFUNCTION: self._on_header,
            pycurl.WRITEFUNCTION: self._on_body,
            **_ca_options(options.ca_file),
        }
        if not self._uses_proxy:
            curl_options[pycurl.OPENSOCKETFUNCTION] = self._open_socket
            curl_options[pycurl.SOCKOPTFUNCTION] = _set_close_on_exec
        return curl_options

    def _open_socket(self, _: int, address: pycurl.CurlSockAddr) -> socket.socket | int:
        """Open a socket for libcurl, but only to the address of the request."""
        family, kind, protocol, endpoint = address
        with suppress(OSError, ValueError):
            if ipaddress.ip_address(str(endpoint[0])) == ipaddress.ip_address(self._address):
                return socket.socket(family, kind, protocol)
        return pycurl.SOCKET_BAD

    def _on_connected(self, *_: object) -> int:
        self.connected = True
        return pycurl.PREREQFUNC_OK

    def _on_header(self, line: bytes) -> int | None:
        """Collect a header line of the final response, not of a proxy or a trailer."""
        if not self.connected or self.status:
            return None
        if line.startswith(b"HTTP/"):
            self._header_lines.clear()
        self._header_lines.append(line)
        if line.strip():
            return None
        found = _STATUS_LINE.match(self._header_lines[0])
        if found is None:
            return _ABORT_TRANSFER
        if (status := int(found[1])) >= 200:
            self.headers = ResponseHeaders(self._header_lines[1:-1])
            self.status = status
            self.last_endpoint = (self._origin, self._address)
        return None

    def _on_body(self, chunk: bytes) -> int | None:
        # libcurl reads as long as data arrives, which may be faster than the caller takes it.
        if len(self._chunks) >= _MAX_BUFFERED_CHUNKS:
            self._paused = True
            return pycurl.WRITEFUNC_PAUSE
        self._chunks.append(chunk)
        return None

    def _on_socket_change(self, event: int, handle: int, *_: object) -> None:
        if event == pycurl.POLL_REMOVE:
            self._poller.unregister(handle)
        else:
            self._poller.register(handle, _POLL_EVENTS.get(event, 0))

    def _on_timer_change(self, milliseconds: int) -> None:
        self._timer_deadline = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _has_stale_connection(self) -> bool:
        """Return whether the kept connection was closed by the peer or has unrequested data.

        Such data would count as the next response. libcurl closes the connection when another
        one replaces it.
        """
        handle, self._idle_socket = self._idle_socket, -1
        if handle < 0:
            return False
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(0))

    def _run_timers(self) -> None:
        # A timer fires once; libcurl sets it again when needed.
        self._timer_deadline = None
        self._socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def _socket_action(self, handle: int, events: int) -> None:
        self._multi.socket_action(handle, events)
        _, succeeded, failed = self._multi.info_read()
        if succeeded:
            self.done = True
            self._idle_socket = self._easy.getinfo(pycurl.ACTIVESOCKET)
        for _, code, detail in failed:
            self.done = True
            self.error = CurlError(code=code, connected=self.connected, detail=detail)


def _set_close_on_exec(handle: int, _: int) -> int:
    os.set_inheritable(handle, False)
    return pycurl.SOCKOPT_OK


def _ca_options(ca_file: Path | None) -> dict[int, Any]:
    """Return the options that trust the authorities of Python's TLS, and those of ``ca_file``."""
    system = ssl.get_default_verify_paths()
    options: dict[int, Any] = {}
    if system.capath:
        options[pycurl.CAPATH] = system.capath
    files = [Path(file) for file in (system.cafile, ca_file) if file is not None]
    if len(files) == 1:
        options[pycurl.CAINFO] = str(files[0])
    elif files:
        options[pycurl.CAINFO_BLOB] = b"\n".join(file.read_bytes() for file in files)
    return options
