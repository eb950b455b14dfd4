"""Connections to checked addresses, kept for the next request to the same host there."""

import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import Url, parse_url

from everlake.attachments.trouble import NETWORK_ERRORS, trouble
from everlake.attachments.url import Location

Key: TypeAlias = tuple[str, str, int, str]
"""Scheme, host, port, address."""

MAX_IDLE = 64
"""Connections kept open that nobody uses."""
_IDLE_SECONDS = 30.0
_MAX_ADDRESSES = 4
_WAIT_SECONDS = 0.1
_BLOCK = 64 * 1024


class Connection:
    """An open connection.

    Attributes:
        http: urllib3's connection.
        key: where it leads.
        reused: whether it has carried an answer before, so that the peer may just have closed it.
    """

    __slots__ = ("http", "idle_since", "key", "reused")

    def __init__(self, http: HTTPConnection, key: Key) -> None:
        self.http = http
        self.key = key
        self.reused = False
        self.idle_since = 0.0

    def close(self) -> None:
        self.http.close()


class _Places:
    """The places of one host, while anybody asks for one."""

    __slots__ = ("asked", "free")

    def __init__(self, number: int) -> None:
        self.free = threading.Semaphore(number)
        self.asked = 0


class Connections:
    """Opens connections, keeps idle ones, and bounds how many a host has.

    Args:
        connect_timeout: seconds for each address, and again for TLS.
        per_host: greatest number of connections to a host and port that are in use.
        proxy: URL of an HTTP proxy through which all go, instead of to an address.
        ca: file of certificate authorities that are trusted beside the system's.

    Raises:
        ValueError: the proxy's URL is not of the form ``http://host:port``.
    """

    def __init__(
        self, *, connect_timeout: float, per_host: int, proxy: str | None, ca: Path | None
    ) -> None:
        self._timeout = connect_timeout
        self._per_host = per_host
        self.proxy = read_proxy(proxy)
        self._tls = ssl.create_default_context()
        if ca is not None:
            self._tls.load_verify_locations(ca)
        self._lock = threading.Lock()
        self._idle: OrderedDict[int, Connection] = OrderedDict()
        self._places: dict[tuple[str, int], _Places] = {}
        self._closed = False

    @contextmanager
    def place(self, location: Location, pause: Callable[[], None]) -> Generator[None]:
        """Hold one of the places that the host of ``location`` has, waiting until one is free.

        Args:
            location: of which host and port count.
            pause: called while waiting; what it raises is raised.
        """
        host = (location.host, location.port)
        with self._lock:
            places = self._places.setdefault(host, _Places(self._per_host))
            places.asked += 1
        try:
            while not places.free.acquire(timeout=_WAIT_SECONDS):
                pause()
            try:
                yield
            finally:
                places.free.release()
        finally:
            with self._lock:
                places.asked -= 1
                if not places.asked:
                    del self._places[host]

    def kept(self, location: Location, addresses: Sequence[str]) -> Connection | None:
        """An idle connection to ``location`` at one of ``addresses``, the last used one first."""
        keys = {_key(location, address) for address in addresses}
        stale: list[Connection] = []
        found: Connection | None = None
        with self._lock:
            for number, one in reversed(list(self._idle.items())):
                if one.key not in keys:
                    continue
                del self._idle[number]
                # One on which something can be read has ended, or says what nobody asked for.
                young = time.monotonic() - one.idle_since < _IDLE_SECONDS
                if young and one.http.is_connected:
                    found = one
                    break
                stale.append(one)
        for one in stale:
            one.close()
        return found

    def open(self, location: Location, addresses: Sequence[str], timeout: float) -> Connection:
        """A new connection to the first of ``addresses`` that takes one.

        Args:
            location: its host is the one that TLS names and whose certificate is asked for.
            addresses: checked ones; with a proxy, of no account.
            timeout: seconds left for everything.

        Raises:
            FetchError: ``CONNECTION_FAILED``, ``TLS_FAILED``, ``TIMED_OUT``.
        """
        failure: Exception | None = None
        until = time.monotonic() + timeout
        for address in addresses[:_MAX_ADDRESSES]:
            left = max(until - time.monotonic(), 0.001)
            http = self._made(location, address, min(self._timeout, left))
            try:
                http.connect()
            except NETWORK_ERRORS as error:
                http.close()
                failure = error
            else:
                # Once closed it stays closed: a new one is made with all its checks.
                http.auto_open = 0
                return Connection(http, _key(location, address))
        raise trouble(failure or HTTPError("no address"), connecting=True) from failure

    def keep(self, connection: Connection) -> None:
        """Keep a connection whose answer was read to its end; the least used one gives way."""
        connection.reused = True
        connection.idle_since = time.monotonic()
        out: Connection | None = connection
        with self._lock:
            if not self._closed:
                self._idle[id(connection)] = connection
                out = self._idle.popitem(last=False)[1] if len(self._idle) > MAX_IDLE else None
        if out is not None:
            out.close()

    def close(self) -> None:
        """Close idle connections now, and those in use when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = list(self._idle.values()), OrderedDict()
        for one in idle:
            one.close()

    def _made(self, location: Location, address: str, timeout: float) -> HTTPConnection:
        host, port = address, location.port
        if self.proxy is not None:
            host, port = str(self.proxy.host), self.proxy.port or 80
        if location.scheme == "http":
            return HTTPConnection(host, port, timeout=timeout, blocksize=_BLOCK, proxy=self.proxy)
        made = HTTPSConnection(
            host,
            port,
            timeout=timeout,
            blocksize=_BLOCK,
            proxy=self.proxy,
            ssl_context=self._tls,
            server_hostname=location.host,
        )
        if self.proxy is not None:
            made.set_tunnel(location.host, location.port, scheme="http")
        return made


def _key(location: Location, address: str) -> Key:
    return location.scheme, location.host, location.port, address


def read_proxy(url: str | None) -> Url | None:
    """The proxy that ``url`` names.

    Raises:
        ValueError: it is not of the form ``http://host:port``.
    """
    if url is None:
        return None
    try:
        parsed = parse_url(url)
    except HTTPError as error:
        raise ValueError("the proxy's URL is malformed: write it as http://host:port") from error
    if parsed.scheme != "http" or not parsed.host or parsed.auth:
        raise ValueError(
            "the proxy's URL must be of the form http://host:port, without credentials"
        )
    return parsed
