"""Requests and their answers, each hop to a checked address and each within its time."""

import math
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager

from everlake.attachments.errors import FetchCode, FetchError, FetchStopped
from everlake.attachments.fetching import http_headers
from everlake.attachments.fetching.curl_errors import classify, timed_out
from everlake.attachments.fetching.curl_session import CurlSession
from everlake.attachments.fetching.session_pool import SessionPool
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from everlake.attachments.fetching.url import ParsedUrl, resolve_redirect
from everlake.attachments.types import FetchLimits

_MAX_ADDRESSES_TRIED = 4
_CANCELLATION_POLL_SECONDS = 0.1


class FetchResponse:
    """An answer whose body is still to come.

    Attributes:
        status: of HTTP.
        headers: by name in any case.
        length: announced bytes of the body; None where its end shows otherwise.
    """

    def __init__(self, session: CurlSession, body: Iterator[bytes]) -> None:
        self.status = session.status
        self.headers = session.headers
        self.content_length = http_headers.content_length(session.headers)
        self._body = body

    def iter_body(self) -> Iterator[bytes]:
        """The body as it is sent, in pieces as they come.

        Raises:
            FetchError: ``CUT_OFF``, ``TIMED_OUT``, ``TLS_FAILED``, ``BAD_ANSWER``.
            Stopped: it was asked for.
        """
        return self._body


class HttpClient:
    """The requests of one fetch, one after the other.

    Args:
        limits: bounds of the fetch.
        guard: who may be spoken to.
        connections: where sessions come from.
        stop: ends the fetch when it is set.
    """

    def __init__(
        self, limits: FetchLimits, guard: SsrfGuard, sessions: SessionPool, stop: threading.Event
    ) -> None:
        self._limits = limits
        self._guard = guard
        self._sessions = sessions
        self._stop = stop
        # Waiting for one's turn at a busy host is no fault of the host's.
        self._deadline = math.inf

    def check_cancellation(self) -> None:
        """
        Raises:
            Stopped: it was asked for.
            FetchError: ``TIMED_OUT``.
        """
        if self._stop.is_set():
            raise FetchStopped
        if time.monotonic() >= self._deadline:
            raise timed_out()

    @contextmanager
    def get(self, location: ParsedUrl, headers: Mapping[str, str]) -> Generator[FetchResponse]:
        """The answer at the end of all redirects, for the length of a block.

        Raises:
            FetchError: whatever the network, the guard or a redirect gives cause for.
            Stopped: it was asked for.
        """
        for _ in range(self._limits.max_redirects + 1):
            self.check_cancellation()
            with self._sessions.limit_host(location, self.check_cancellation):
                self._deadline = min(self._deadline, time.monotonic() + self._limits.total_timeout)
                with self._send(location, headers) as answer:
                    if answer.status not in http_headers.REDIRECT_STATUSES:
                        yield answer
                        return
                    location = resolve_redirect(
                        location, http_headers.redirect_target(answer.headers)
                    )
        raise FetchError(
            FetchCode.TOO_MANY_REDIRECTS,
            f"the URL redirects more than {self._limits.max_redirects} times: use the URL that it "
            "leads to in the end",
        )

    @contextmanager
    def _send(self, location: ParsedUrl, headers: Mapping[str, str]) -> Generator[FetchResponse]:
        """The answer to one request."""
        addresses = self._resolve(location)
        session = self._sessions.acquire(location)
        good = False
        try:
            self._connect(session, location, addresses, headers)
            yield FetchResponse(session, self._iter_body(session))
            good = not http_headers.has_two_framings(session.headers)
        finally:
            # Whatever went wrong may have gone wrong in the session.
            if good:
                session.finish()
                self._sessions.release(session)
            else:
                session.close()

    def _resolve(self, location: ParsedUrl) -> list[str]:
        if self._sessions.uses_proxy:
            self._guard.check(location, proxied=True)
            return [""]
        return self._guard.resolve(location)

    def _connect(
        self,
        session: CurlSession,
        location: ParsedUrl,
        addresses: Sequence[str],
        headers: Mapping[str, str],
    ) -> None:
        """Have the head of an answer, of the first address that takes a connection."""
        origin, known = session.last_endpoint
        # One that there may be a connection to comes first.
        if origin == location.origin and known in addresses:
            addresses = [known, *(one for one in addresses if one != known)]
        fields = [f"{name}: {value}" for name, value in headers.items()]
        for address in addresses[:_MAX_ADDRESSES_TRIED]:
            session.finish()
            session.start(location, address, fields)
            self._await_headers(session)
            if session.status:
                return
            if session.connected:
                break
        raise classify(session.curl_code or 0, connected=session.connected)

    def _await_headers(self, session: CurlSession) -> None:
        """Return with the head of an answer, or when there will be none."""
        until = math.inf
        while not session.status and session.curl_code is None:
            if session.connected and until == math.inf:
                until = time.monotonic() + self._limits.idle_timeout
            self._perform(session, until)

    def _iter_body(self, session: CurlSession) -> Iterator[bytes]:
        quiet_until = time.monotonic() + self._limits.idle_timeout
        while True:
            if piece := session.read_available():
                yield piece
                quiet_until = time.monotonic() + self._limits.idle_timeout
            if session.curl_code is not None:
                break
            self._perform(session, quiet_until)
        if session.curl_code:
            raise classify(session.curl_code, connected=True)

    def _perform(self, session: CurlSession, deadline: float) -> None:
        """Wait for what comes, in pieces short enough to hear of a stop."""
        self.check_cancellation()
        left = min(deadline, self._deadline) - time.monotonic()
        if left <= 0:
            raise timed_out()
        session.perform(min(left, _CANCELLATION_POLL_SECONDS))
