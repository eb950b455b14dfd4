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
from everlake.attachments.answers import Headers
from everlake.attachments.url import Location

USER_AGENT = f"everlake/{__version__}"
_KEPT_SECONDS = 30
_BUFFER = 256 * 1024
_CHUNKS = 16
"""Of 16 KB at most (curl/curl.h, CURL_MAX_WRITE_SIZE), so that this many are a buffer's worth."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?![^ \r\n])")
_REFUSED = -1
"""What ends a transfer where a callback answers it."""
_EVENTS = {
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How every connection comes about.

    Attributes:
        connect_timeout: seconds for a connection, its TLS included.
        proxy: ``http://host:port`` that all go through, instead of to an address.
        ca: file of certificate authorities (PEM) trusted beside the system's.
    """

    connect_timeout: float
    proxy: str | None = None
    ca: Path | None = None


class Session:
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

    def __init__(self, way: Way) -> None:
        self.reaches = ("", "")
        self.connected = False
        self.status = 0
        self.headers = Headers()
        self.code: int | None = None
        self._proxied = way.proxy is not None
        self._origin, self._address = "", ""
        self._kept = -1
        self._head: list[bytes] = []
        self._chunks: list[bytes] = []
        self._paused = False
        self._due: float | None = None
        self._poll = select.poll()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._wake)
        self._multi.setopt(pycurl.M_MAXCONNECTS, 1)
        self._easy = pycurl.Curl()
        for option, value in self._options(way).items():
            self._easy.setopt(option, value)

    def begin(self, location: Location, address: str, fields: Sequence[str]) -> None:
        """Ask for ``location`` at ``address``; what was asked before is over.

        Args:
            location: its host is named in ``Host``, in SNI, and asked for in the certificate.
            address: a checked one; with a proxy, of no account.
            fields: header fields beside the usual ones.
        """
        self.connected = False
        self.status, self.headers, self.code = 0, Headers(), None
        self._origin, self._address = location.origin, address
        easy = self._easy
        easy.setopt(pycurl.URL, f"{location.origin}/")
        # Neither read nor tidied by libcurl.
        forwarded = self._proxied and location.scheme == "http"
        easy.setopt(pycurl.REQUEST_TARGET, location.url if forwarded else location.target)
        if not self._proxied:
            at = f"[{address}]" if ":" in address else address
            easy.setopt(pycurl.CONNECT_TO, [f"::{at}:{location.port}"])
        sent = ("Accept-Encoding: identity", "Proxy-Connection:", *fields)
        # One to a proxy would else carry the answers of several hosts.
        fresh = self._is_stale() or self.reaches[0] != location.origin
        easy.setopt(pycurl.FRESH_CONNECT, int(fresh))
        easy.setopt(pycurl.HTTPHEADER, [one.encode("latin-1") for one in sent])
        self._multi.add_handle(easy)
        self._act_in_time()

    def step(self, seconds: float) -> None:
        """Let the transfer go on, waiting for the network so long at most."""
        if self._due is not None:
            seconds = min(seconds, self._due - time.monotonic())
        for handle, event in self._poll.poll(max(0, math.ceil(seconds * 1000))):
            reads = pycurl.CSELECT_IN if event & ~select.POLLOUT else 0
            writes = pycurl.CSELECT_OUT if event & select.POLLOUT else 0
            self._act(handle, reads | writes)
        if self._due is not None and time.monotonic() >= self._due:
            self._act_in_time()

    def take(self) -> bytes:
        """What has come of the body since the last call, a bounded piece at a time."""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._paused:
            self._paused = False
            self._easy.pause(pycurl.PAUSE_CONT)
        return data

    def end(self) -> None:
        """End the transfer; a connection with something still to come is closed."""
        if self._easy in self._multi:
            self._multi.remove_handle(self._easy)
        self._head.clear()
        self._chunks.clear()
        self._paused = False

    def close(self) -> None:
        """End it and close its connections."""
        self.end()
        self._easy.close()
        self._multi.close()

    def _options(self, way: Way) -> dict[int, Any]:
        """What holds for every transfer."""
        options: dict[int, Any] = {
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.HTTP09_ALLOWED: 0,
            pycurl.FOLLOWLOCATION: 0,
            pycurl.NETRC: pycurl.NETRC_IGNORED,
            pycurl.NOSIGNAL: 1,
            pycurl.USERAGENT: USER_AGENT,
            pycurl.BUFFERSIZE: _BUFFER,
            pycurl.MAXAGE_CONN: _KEPT_SECONDS,
            pycurl.CONNECTTIMEOUT_MS: max(1, math.ceil(way.connect_timeout * 1000)),
            # An empty one is none, whatever the environment says.
            pycurl.PROXY: way.proxy or "",
            pycurl.NOPROXY: "",
            pycurl.PREREQFUNCTION: self._connect,
            pycurl.HEADERFUNCTION: self._field,
            pycurl.WRITEFUNCTION: self._receive,
            **_trusted(way.ca),
        }
        if not self._proxied:
            options[pycurl.OPENSOCKETFUNCTION] = self._open
            options[pycurl.SOCKOPTFUNCTION] = _keep_from_children
        return options

    def _open(self, _: int, address: pycurl.CurlSockAddr) -> socket.socket | int:
        """A socket, if it is for the address of the request."""
        family, kind, protocol, where = address
        with suppress(OSError, ValueError):
            if ipaddress.ip_address(str(where[0])) == ipaddress.ip_address(self._address):
                return socket.socket(family, kind, protocol)
        return pycurl.SOCKET_BAD

    def _connect(self, *_: object) -> int:
        self.connected = True
        return pycurl.PREREQFUNC_OK

    def _field(self, line: bytes) -> int | None:
        """Take a line of a head. A proxy's own head, interim ones and trailers are nobody's."""
        if not self.connected or self.status:
            return None
        if line.startswith(b"HTTP/"):
            self._head.clear()
        self._head.append(line)
        if line.strip():
            return None
        found = _STATUS.match(self._head[0])
        if found is None:
            return _REFUSED
        if (status := int(found[1])) >= 200:
            self.headers = Headers(self._head[1:-1])
            self.status = status
            self.reaches = (self._origin, self._address)
        return None

    def _receive(self, chunk: bytes) -> int | None:
        # libcurl goes on as long as something comes, which may be faster than it is kept.
        if len(self._chunks) >= _CHUNKS:
            self._paused = True
            return pycurl.WRITEFUNC_PAUSE
        self._chunks.append(chunk)
        return None

    def _watch(self, event: int, handle: int, *_: object) -> None:
        if event == pycurl.POLL_REMOVE:
            self._poll.unregister(handle)
        else:
            self._poll.register(handle, _EVENTS.get(event, 0))

    def _wake(self, milliseconds: int) -> None:
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _is_stale(self) -> bool:
        """Whether the kept connection has ended, or says what nobody asked for.

        That would be taken for the next answer. One that is not used gives way to its successor.
        """
        handle, self._kept = self._kept, -1
        if handle < 0:
            return False
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(0))

    def _act_in_time(self) -> None:
        # It holds once: libcurl asks again where it has more to do later.
        self._due = None
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, handle: int, events: int) -> None:
        self._multi.socket_action(handle, events)
        _, succeeded, failed = self._multi.info_read()
        if succeeded:
            self.code = 0
            self._kept = self._easy.getinfo(pycurl.ACTIVESOCKET)
        for _, code, _ in failed:
            self.code = code


def _keep_from_children(handle: int, _: int) -> int:
    os.set_inheritable(handle, False)
    return pycurl.SOCKOPT_OK


def _trusted(ca: Path | None) -> dict[int, Any]:
    """The system's certificate authorities, where Python's own TLS looks for them, and ``ca``."""
    system = ssl.get_default_verify_paths()
    options: dict[int, Any] = {}
    if system.capath:
        options[pycurl.CAPATH] = system.capath
    files = [Path(file) for file in (system.cafile, ca) if file is not None]
    if len(files) == 1:
        options[pycurl.CAINFO] = str(files[0])
    elif files:
        options[pycurl.CAINFO_BLOB] = b"\n".join(file.read_bytes() for file in files)
    return options
