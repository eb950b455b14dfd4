"""Who may speak to a host at a time, and sessions whose connections serve again."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from everlake.attachments.errors import FetchError
from everlake.attachments.fetching.curl_session import ConnectionOptions, CurlSession
from everlake.attachments.fetching.url import ParsedUrl, parse

MAX_IDLE_SESSIONS = 32
"""Sessions that are kept when nobody uses them. One that has spoken TLS holds a megabyte of
authorities."""
_CANCELLATION_POLL_SECONDS = 0.1


class _HostLimit:
    """The places of one host, while anybody asks for one."""

    __slots__ = ("semaphore", "users")

    def __init__(self, limit: int) -> None:
        self.semaphore = threading.Semaphore(limit)
        self.users = 0


class SessionPool:
    """Lends sessions out, and bounds how many speak to a host.

    Args:
        way: how connections come about.
        per_host: greatest number of requests to a host and port at once.

    Raises:
        ValueError: the proxy's URL is not of the form ``http://host:port``.
    """

    def __init__(self, options: ConnectionOptions, *, per_host: int) -> None:
        validate_proxy_url(options.proxy)
        self._options = options
        self._per_host = per_host
        self._lock = threading.Lock()
        # The one that was used last stands last.
        self._idle: list[CurlSession] = []
        self._host_limits: dict[tuple[str, int], _HostLimit] = {}
        self._closed = False

    @property
    def uses_proxy(self) -> bool:
        """Whether a proxy is used, which looks names up."""
        return self._options.proxy is not None

    @contextmanager
    def limit_host(
        self, location: ParsedUrl, check_cancellation: Callable[[], None]
    ) -> Generator[None]:
        """Hold one of the places that the host of ``location`` has, waiting until one is free.

        Args:
            location: of which host and port count.
            check_cancellation: called while waiting; what it raises is raised.
        """
        host = (location.host, location.port)
        with self._lock:
            places = self._host_limits.setdefault(host, _HostLimit(self._per_host))
            places.users += 1
        try:
            while not places.semaphore.acquire(timeout=_CANCELLATION_POLL_SECONDS):
                check_cancellation()
            try:
                yield
            finally:
                places.semaphore.release()
        finally:
            with self._lock:
                places.users -= 1
                if not places.users:
                    del self._host_limits[host]

    def acquire(self, location: ParsedUrl) -> CurlSession:
        """A session: one that may have a connection to the origin of ``location``, or another."""
        with self._lock:
            for at in reversed(range(len(self._idle))):
                if location.origin == self._idle[at].last_endpoint[0]:
                    return self._idle.pop(at)
            if len(self._idle) >= MAX_IDLE_SESSIONS:
                return self._idle.pop(0)
        return CurlSession(self._options)

    def release(self, session: CurlSession) -> None:
        """Keep a session whose transfer has ended; the one used longest ago gives way."""
        out: CurlSession | None = session
        with self._lock:
            if not self._closed:
                self._idle.append(session)
                out = self._idle.pop(0) if len(self._idle) > MAX_IDLE_SESSIONS else None
        if out is not None:
            out.close()

    def close(self) -> None:
        """Close idle sessions now, and those in use when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for one in idle:
            one.close()


def validate_proxy_url(url: str | None) -> None:
    """Return if ``url`` names a proxy, or is None.

    Raises:
        ValueError: it is not of the form ``http://host:port``.
    """
    if url is None:
        return
    try:
        location = parse(url)
    except FetchError as error:
        raise _invalid_proxy_url() from error
    if location.scheme != "http" or location.target != "/":
        raise _invalid_proxy_url()


def _invalid_proxy_url() -> ValueError:
    return ValueError("the proxy's URL must be of the form http://host:port, without credentials")
