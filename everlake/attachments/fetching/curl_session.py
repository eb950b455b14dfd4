"""One transfer at a time by libcurl, led step by step, over a connection that is kept."""

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

import msgspec
import pycurl

from everlake import __version__
from everlake.attachments.fetching.http_headers import ResponseHeaders
from everlake.attachments.fetching.url import ParsedUrl

USER_AGENT = f"everlake/{__version__}"
_MAX_CONNECTION_AGE_SECONDS = 30
_BUFFER_BYTES = 256 * 1024
_MAX_BUFFERED_CHUNKS = 16
"""Of 16 KB at most (curl/curl.h, CURL_MAX_WRITE_SIZE), so that this many are a buffer's worth."""
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?![^ \r\n])")
_ABORT_TRANSFER = -1
"""What ends a transfer where a callback answers it."""
_POLL_EVENTS = {
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


class ConnectionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How every connection comes about.

    Attributes:
        connect_timeout: seconds for a connection, its TLS included.
        proxy: ``http://host:port`` that all go through, instead of to an address.
        ca: file of certificate authorities (PEM) trusted beside the system's.
    """

    connect_timeout: float
    proxy: str | None = None
    ca_file: Path | None = None


class CurlSession:
    """A handle of libcurl, and the connection that it keeps for its next transfer.

    It follows no redirect, keeps no cookie, knows no credentials, and takes no setting from the
    environment: what it does is what is said here. Whatever a URL says, no socket is opened but
    to the address of the request.

    Args:
        way: how connections come about.

    Attributes:
        reaches: the origin that answered last, and its address: to it there may be a connection.
        connected: whether the request had a connection.
        status: of HTTP, of the answer whose head is whole; 0 before.
        headers: of that answer.
        code: of libcurl, when the transfer is over; None before, 0 if it went well.
    """

    def __init__(self, options: ConnectionOptions) -> None:
        self.last_endpoint = ("", "")
        self.connected = False
        self.status = 0
        self.headers = ResponseHeaders()
        self.curl_code: int | None = None
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
        """Ask for ``location`` at ``address``; what was asked before is over.

        Args:
            location: its host is named in ``Host``, in SNI, and asked for in the certificate.
            address: a checked one; with a proxy, of no account.
            header_fields: header fields beside the usual ones.
        """
        self.connected = False
        self.status, self.headers, self.curl_code = 0, ResponseHeaders(), None
        self._origin, self._address = location.origin, address
        easy = self._easy
        easy.setopt(pycurl.URL, f"{location.origin}/")
        # Neither read nor tidied by libcurl.
        forwarded = self._uses_proxy and location.scheme == "http"
        easy.setopt(pycurl.REQUEST_TARGET, location.url if forwarded else location.target)
        if not self._uses_proxy:
            at = f"[{address}]" if ":" in address else address
            easy.setopt(pycurl.CONNECT_TO, [f"::{at}:{location.port}"])
        sent = ("Accept-Encoding: identity", "Proxy-Connection:", *header_fields)
        # One to a proxy would else carry the answers of several hosts.
        fresh = self._has_stale_connection() or self.last_endpoint[0] != location.origin
        easy.setopt(pycurl.FRESH_CONNECT, int(fresh))
        easy.setopt(pycurl.HTTPHEADER, [one.encode("latin-1") for one in sent])
        self._multi.add_handle(easy)
        self._run_timers()

    def perform(self, timeout: float) -> None:
        """Let the transfer go on, waiting for the network so long at most."""
        if self._timer_deadline is not None:
            timeout = min(timeout, self._timer_deadline - time.monotonic())
        for handle, event in self._poller.poll(max(0, math.ceil(timeout * 1000))):
            reads = pycurl.CSELECT_IN if event & ~select.POLLOUT else 0
            writes = pycurl.CSELECT_OUT if event & select.POLLOUT else 0
            self._socket_action(handle, reads | writes)
        if self._timer_deadline is not None and time.monotonic() >= self._timer_deadline:
            self._run_timers()

    def read_available(self) -> bytes:
        """What has come of the body since the last call, a bounded piece at a time."""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._paused:
            self._paused = False
            self._easy.pause(pycurl.PAUSE_CONT)
        return data

    def finish(self) -> None:
        """End the transfer; a connection with something still to come is closed."""
        if self._easy in self._multi:
            self._multi.remove_handle(self._easy)
        self._header_lines.clear()
        self._chunks.clear()
        self._paused = False

    def close(self) -> None:
        """End it and close its connections."""
        self.finish()
        self._easy.close()
        self._multi.close()

    def _curl_options(self, connection_options: ConnectionOptions) -> dict[int, Any]:
        """What holds for every transfer."""
        options: dict[int, Any] = {
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.HTTP09_ALLOWED: 0,
            pycurl.FOLLOWLOCATION: 0,
            pycurl.NETRC: pycurl.NETRC_IGNORED,
            pycurl.NOSIGNAL: 1,
            pycurl.USERAGENT: USER_AGENT,
            pycurl.BUFFERSIZE: _BUFFER_BYTES,
            pycurl.MAXAGE_CONN: _MAX_CONNECTION_AGE_SECONDS,
            pycurl.CONNECTTIMEOUT_MS: max(1, math.ceil(connection_options.connect_timeout * 1000)),
            # An empty one is none, whatever the environment says.
            pycurl.PROXY: connection_options.proxy or "",
            pycurl.NOPROXY: "",
            pycurl.PREREQFUNCTION: self._on_connected,
            pycurl.HEADERFUNCTION: self._on_header,
            pycurl.WRITEFUNCTION: self._on_body,
            **_ca_options(connection_options.ca_file),
        }
        if not self._uses_proxy:
            options[pycurl.OPENSOCKETFUNCTION] = self._open_socket
            options[pycurl.SOCKOPTFUNCTION] = _set_close_on_exec
        return options

    def _open_socket(self, _: int, address: pycurl.CurlSockAddr) -> socket.socket | int:
        """A socket, if it is for the address of the request."""
        family, kind, protocol, where = address
        with suppress(OSError, ValueError):
            if ipaddress.ip_address(str(where[0])) == ipaddress.ip_address(self._address):
                return socket.socket(family, kind, protocol)
        return pycurl.SOCKET_BAD

    def _on_connected(self, *_: object) -> int:
        self.connected = True
        return pycurl.PREREQFUNC_OK

    def _on_header(self, line: bytes) -> int | None:
        """Take a line of a head. A proxy's own head, interim ones and trailers are nobody's."""
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
        # libcurl goes on as long as something comes, which may be faster than it is kept.
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
        """Whether the kept connection has ended, or says what nobody asked for.

        That would be taken for the next answer. One that is not used gives way to its successor.
        """
        handle, self._idle_socket = self._idle_socket, -1
        if handle < 0:
            return False
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(0))

    def _run_timers(self) -> None:
        # It holds once: libcurl asks again where it has more to do later.
        self._timer_deadline = None
        self._socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def _socket_action(self, handle: int, events: int) -> None:
        self._multi.socket_action(handle, events)
        _, succeeded, failed = self._multi.info_read()
        if succeeded:
            self.curl_code = 0
            self._idle_socket = self._easy.getinfo(pycurl.ACTIVESOCKET)
        for _, code, _ in failed:
            self.curl_code = code


def _set_close_on_exec(handle: int, _: int) -> int:
    os.set_inheritable(handle, False)
    return pycurl.SOCKOPT_OK


def _ca_options(ca_file: Path | None) -> dict[int, Any]:
    """The system's certificate authorities, where Python's own TLS looks for them, and ``ca_file``."""
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
