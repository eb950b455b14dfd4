"""Who may speak to a host at a time, and sessions whose connections serve again."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from everlake.attachments.errors import FetchError
from everlake.attachments.session import Session, Way
from everlake.attachments.url import Location, parse

MAX_IDLE = 32
"""Sessions that are kept when nobody uses them. One that has spoken TLS holds a megabyte of
authorities."""
_WAIT_SECONDS = 0.1


class _Places:
    """The places of one host, while anybody asks for one."""

    __slots__ = ("asked", "free")

    def __init__(self, number: int) -> None:
        self.free = threading.Semaphore(number)
        self.asked = 0


class Connections:
    """Lends sessions out, and bounds how many speak to a host.

    Args:
        way: how connections come about.
        per_host: greatest number of requests to a host and port at once.

    Raises:
        ValueError: the proxy's URL is not of the form ``http://host:port``.
    """

    def __init__(self, way: Way, *, per_host: int) -> None:
        check_proxy(way.proxy)
        self._way = way
        self._per_host = per_host
        self._lock = threading.Lock()
        # The one that was used last stands last.
        self._idle: list[Session] = []
        self._places: dict[tuple[str, int], _Places] = {}
        self._closed = False

    @property
    def proxied(self) -> bool:
        """Whether a proxy is used, which looks names up."""
        return self._way.proxy is not None

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

    def take(self, location: Location) -> Session:
        """A session: one that may have a connection to the origin of ``location``, or another."""
        with self._lock:
            for at in reversed(range(len(self._idle))):
                if location.origin == self._idle[at].reaches[0]:
                    return self._idle.pop(at)
            if len(self._idle) >= MAX_IDLE:
                return self._idle.pop(0)
        return Session(self._way)

    def give_back(self, session: Session) -> None:
        """Keep a session whose transfer has ended; the one used longest ago gives way."""
        out: Session | None = session
        with self._lock:
            if not self._closed:
                self._idle.append(session)
                out = self._idle.pop(0) if len(self._idle) > MAX_IDLE else None
        if out is not None:
            out.close()

    def close(self) -> None:
        """Close idle sessions now, and those in use when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for one in idle:
            one.close()


def check_proxy(url: str | None) -> None:
    """Return if ``url`` names a proxy, or is None.

    Raises:
        ValueError: it is not of the form ``http://host:port``.
    """
    if url is None:
        return
    try:
        location = parse(url)
    except FetchError as error:
        raise _no_proxy() from error
    if location.scheme != "http" or location.target != "/":
        raise _no_proxy()


def _no_proxy() -> ValueError:
    return ValueError("the proxy's URL must be of the form http://host:port, without credentials")
