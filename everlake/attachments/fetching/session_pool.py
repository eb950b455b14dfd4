"""Pool of idle libcurl sessions, so that connections are reused across fetches."""

import threading

from everlake.attachments.fetching.curl_session import CurlSession
from everlake.attachments.fetching.types import ConnectionOptions
from everlake.attachments.fetching.url import ParsedUrl

MAX_IDLE_SESSIONS = 32
"""Largest number of idle sessions. One that has used TLS holds a megabyte of certificate
authorities."""


class SessionPool:
    """Idle sessions by the origin of their last response; safe for many threads.

    Args:
        options: options of every connection.
    """

    def __init__(self, options: ConnectionOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        # In the order of their last use.
        self._idle: list[CurlSession] = []
        self._closed = False

    @property
    def uses_proxy(self) -> bool:
        """Whether requests go through a proxy, which then resolves host names."""
        return self._options.proxy is not None

    def acquire(self, location: ParsedUrl) -> CurlSession:
        """Return a session that may have a connection to the URL's origin, or any other one."""
        with self._lock:
            for index in reversed(range(len(self._idle))):
                if location.origin == self._idle[index].last_endpoint[0]:
                    return self._idle.pop(index)
            if len(self._idle) >= MAX_IDLE_SESSIONS:
                return self._idle.pop(0)
        return CurlSession(self._options)

    def release(self, session: CurlSession) -> None:
        """Return a session whose transfer is finished; above the limit the oldest is closed."""
        excess: CurlSession | None = session
        with self._lock:
            if not self._closed:
                self._idle.append(session)
                excess = self._idle.pop(0) if len(self._idle) > MAX_IDLE_SESSIONS else None
        if excess is not None:
            excess.close()

    def close(self) -> None:
        """Close idle sessions now, and sessions in use when they are released."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()
