"""HTTP client of one fetch: redirects, address checks at each hop, and time limits."""

import math
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager

from everlake.attachments.errors import FetchCode, FetchError, FetchStopped
from everlake.attachments.fetching import http_headers
from everlake.attachments.fetching.curl_errors import classify
from everlake.attachments.fetching.curl_session import CurlSession
from everlake.attachments.fetching.failures import bad_response, timed_out
from everlake.attachments.fetching.host_limits import HostLimits
from everlake.attachments.fetching.session_pool import SessionPool
from everlake.attachments.fetching.speed_check import SpeedCheck
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from everlake.attachments.fetching.types import CANCELLATION_POLL_SECONDS, CurlError, FetchLimits
from everlake.attachments.fetching.url import ParsedUrl, resolve_redirect
from everlake.logs import logger

_MAX_ADDRESSES_TRIED = 4

_log = logger()


class FetchResponse:
    """Response whose headers are received and whose body is still to be read.

    Attributes:
        status: HTTP status.
        headers: header fields.
        content_length: announced size of the body in bytes, before decoding; None when the body
            ends with its last chunk or with the connection.
    """

    def __init__(self, session: CurlSession, body: Iterator[bytes]) -> None:
        self.status = session.status
        self.headers = session.headers
        self.content_length = http_headers.content_length(session.headers)
        self._body = body

    def iter_body(self) -> Iterator[bytes]:
        """Yield the body as it arrives, without decoding it.

        Raises:
            FetchError: ``CUT_OFF``, ``TIMED_OUT``, ``TLS_FAILED``, ``BAD_ANSWER``.
            FetchStopped: the fetch was cancelled.
        """
        return self._body


class HttpClient:
    """Requests of one fetch, one after the other.

    Args:
        limits: bounds of the fetch.
        guard: decides which addresses are allowed.
        sessions: pool of idle sessions.
        host_limits: bounds the requests to one host at a time.
        stop: cancels the fetch when it is set.
    """

    def __init__(
        self,
        limits: FetchLimits,
        guard: SsrfGuard,
        sessions: SessionPool,
        host_limits: HostLimits,
        stop: threading.Event,
    ) -> None:
        self._limits = limits
        self._guard = guard
        self._sessions = sessions
        self._host_limits = host_limits
        self._stop = stop
        # Set with the first free slot of the host: waiting for one is not the host's fault.
        self._deadline = math.inf

    def check_cancellation(self) -> None:
        """Return if the fetch may go on.

        Raises:
            FetchStopped: it was cancelled.
            FetchError: ``TIMED_OUT`` after the total timeout.
        """
        if self._stop.is_set():
            raise FetchStopped
        if time.monotonic() >= self._deadline:
            raise timed_out()

    @contextmanager
    def get(self, location: ParsedUrl, headers: Mapping[str, str]) -> Generator[FetchResponse]:
        """Follow all redirects, and provide the final response for the length of a block.

        Raises:
            FetchError: the network failed, or the guard refused the URL or a redirect.
            FetchStopped: the fetch was cancelled.
        """
        for _ in range(self._limits.max_redirects + 1):
            self.check_cancellation()
            with self._host_limits.hold(location, self.check_cancellation):
                self._deadline = min(self._deadline, time.monotonic() + self._limits.total_timeout)
                with self._send(location, headers) as response:
                    if response.status not in http_headers.REDIRECT_STATUSES:
                        yield response
                        return
                    location = resolve_redirect(
                        location, http_headers.redirect_target(response.headers)
                    )
        raise FetchError(
            FetchCode.TOO_MANY_REDIRECTS,
            f"the URL redirects more than {self._limits.max_redirects} times: use the final URL",
        )

    @contextmanager
    def _send(self, location: ParsedUrl, headers: Mapping[str, str]) -> Generator[FetchResponse]:
        """Send one request, and provide its response for the length of a block."""
        addresses = self._resolve(location)
        session = self._sessions.acquire(location)
        is_reusable = False
        try:
            self._connect(session, location, addresses, headers)
            yield FetchResponse(session, self._iter_body(location, session))
            is_reusable = not http_headers.has_two_framings(session.headers)
        finally:
            # After any error the state of the session is unknown.
            if is_reusable:
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
        """Send the request to the first address that accepts a connection; receive the headers."""
        origin, connected = session.last_endpoint
        # The address of the kept connection comes first.
        if origin == location.origin and connected in addresses:
            addresses = [connected, *(each for each in addresses if each != connected)]
        fields = [f"{name}: {value}" for name, value in headers.items()]
        for address in addresses[:_MAX_ADDRESSES_TRIED]:
            session.finish()
            session.start(location, address, fields)
            self._await_headers(session)
            if session.status:
                return
            if session.connected:
                break
        if session.error is None:
            # libcurl reports no error for a response that ends within its headers.
            raise bad_response("sent a response that is not valid HTTP")
        raise _failure(location, session.error)

    def _await_headers(self, session: CurlSession) -> None:
        """Return once all headers are received, or the transfer has ended without them."""
        deadline = math.inf
        while not session.status and not session.done:
            if session.connected and deadline == math.inf:
                deadline = time.monotonic() + self._limits.idle_timeout
            self._perform(session, deadline)

    def _iter_body(self, location: ParsedUrl, session: CurlSession) -> Iterator[bytes]:
        speed = SpeedCheck(self._limits.least_speed, self._limits.speed_window)
        deadline = time.monotonic() + self._limits.idle_timeout
        while True:
            if data := session.read_available():
                speed.count_bytes(len(data))
                yield data
                deadline = time.monotonic() + self._limits.idle_timeout
            if session.done:
                break
            began = time.monotonic()
            self._perform(session, deadline)
            speed.count_wait(time.monotonic() - began)
        if session.error is not None:
            raise _failure(location, session.error)

    def _perform(self, session: CurlSession, deadline: float) -> None:
        """Advance the transfer, for a time short enough to notice a cancellation."""
        self.check_cancellation()
        remaining = min(deadline, self._deadline) - time.monotonic()
        if remaining <= 0:
            raise timed_out()
        session.perform(min(remaining, CANCELLATION_POLL_SECONDS))


def _failure(location: ParsedUrl, error: CurlError) -> FetchError:
    _log.debug("transfer failed", host=location.host, curl_code=error.code, curl_error=error.detail)
    return classify(error)
