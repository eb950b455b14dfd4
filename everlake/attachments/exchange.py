"""Requests and their answers, each hop to a checked address and each within its time."""

import logging
import math
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager

from urllib3.response import HTTPResponse

from everlake import __version__
from everlake.attachments import answers
from everlake.attachments.connections import Connection, Connections
from everlake.attachments.errors import FetchCode, FetchError, Stopped
from everlake.attachments.guard import Guard
from everlake.attachments.trouble import (
    NETWORK_ERRORS,
    cut_off,
    is_silent_end,
    timed_out,
    trouble,
)
from everlake.attachments.url import Location, follow
from everlake.attachments.values import FetchLimits
from everlake.attachments.watchdog import Watch, Watchdog

USER_AGENT = f"everlake/{__version__}"
_READ = 256 * 1024

# Its warnings hold whole URLs, and what is secret in them.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class Answer:
    """An answer whose body is still to come.

    Attributes:
        status: of HTTP.
        headers: by name in any case.
        length: announced bytes of the body; None where its end shows otherwise.
    """

    def __init__(self, connection: Connection, response: HTTPResponse, watch: Watch) -> None:
        self.status: int = response.status
        self.headers: answers.Headers = response.headers
        self.length = answers.content_length(response.headers)
        self._connection = connection
        self._response = response
        self._watch = watch
        self._whole = False

    def pieces(self) -> Iterator[bytes]:
        """The body as it is sent, in pieces as they come.

        Raises:
            FetchError: ``CUT_OFF``, ``TIMED_OUT``, ``TLS_FAILED``, ``BAD_ANSWER``.
            Stopped: it was asked for.
        """
        received = 0
        while True:
            try:
                piece = self._response.read1(_READ, decode_content=False)
            except NETWORK_ERRORS as error:
                judge(self._watch)
                raise trouble(error) from error
            if not piece:
                break
            received += len(piece)
            yield piece
        # What the watchdog shut down looks like an end.
        judge(self._watch)
        if self.length is not None and received != self.length:
            raise cut_off()
        self._whole = True

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another request.

        Not where the answer had two framings, of which the peer may mean the other (RFC 9112,
        section 6.3).
        """
        both = self.headers.getlist("transfer-encoding") and self.headers.getlist("content-length")
        return self._whole and not both and self._connection.http.sock is not None

    def close(self) -> None:
        self._response.close()


class Exchange:
    """The requests of one fetch, one after the other.

    Args:
        limits: bounds of the fetch.
        guard: who may be spoken to.
        connections: where connections come from.
        watchdog: what ends them in time.
        stop: ends the fetch when it is set.
    """

    def __init__(
        self,
        limits: FetchLimits,
        guard: Guard,
        connections: Connections,
        watchdog: Watchdog,
        stop: threading.Event,
    ) -> None:
        self._limits = limits
        self._guard = guard
        self._connections = connections
        self._watchdog = watchdog
        self._stop = stop
        # Waiting for one's turn at a busy host is no fault of the host's.
        self._until = math.inf

    def pause(self) -> None:
        """
        Raises:
            Stopped: it was asked for.
            FetchError: ``TIMED_OUT``.
        """
        if self._stop.is_set():
            raise Stopped
        if time.monotonic() >= self._until:
            raise timed_out()

    @contextmanager
    def answer(self, location: Location, headers: Mapping[str, str]) -> Generator[Answer]:
        """The answer at the end of all redirects, for the length of a block.

        Raises:
            FetchError: whatever the network, the guard or a redirect gives cause for.
            Stopped: it was asked for.
        """
        for _ in range(self._limits.redirects + 1):
            self.pause()
            with self._connections.place(location, self.pause):
                self._until = min(self._until, time.monotonic() + self._limits.total_timeout)
                with self._one(location, headers) as answer:
                    if answer.status not in answers.REDIRECTS:
                        yield answer
                        return
                    location = follow(location, answers.redirect(answer.headers))
        raise FetchError(
            FetchCode.TOO_MANY_REDIRECTS,
            f"the URL redirects more than {self._limits.redirects} times: use the URL that it "
            "leads to in the end",
        )

    @contextmanager
    def _one(self, location: Location, headers: Mapping[str, str]) -> Generator[Answer]:
        """The answer to one request, and the connection kept if it is read to its end."""
        addresses = self._addresses(location)
        connection = self._connections.kept(location, addresses)
        sent = connection and self._send(connection, location, headers)
        if connection is None or sent is None:
            left = self._until - time.monotonic()
            connection = self._connections.open(location, addresses, left)
            sent = self._send(connection, location, headers)
            if sent is None:
                raise cut_off()
        response, watch = sent
        kept = False
        try:
            answer = Answer(connection, response, watch)
            yield answer
            kept = answer.reusable
        finally:
            self._watchdog.end(watch)
            if kept and watch.ended is None:
                self._connections.keep(connection)
            else:
                response.close()
                connection.close()

    def _addresses(self, location: Location) -> list[str]:
        if self._connections.proxy is not None:
            self._guard.check(location, proxied=True)
            return [""]
        return self._guard.addresses(location)

    def _send(
        self, connection: Connection, location: Location, headers: Mapping[str, str]
    ) -> tuple[HTTPResponse, Watch] | None:
        """Ask, and read the head of the answer; None where a kept connection had ended."""
        http = connection.http
        head_until = min(self._until, time.monotonic() + self._limits.idle_timeout)
        watch = self._watchdog.begin(http.sock, self._stop, head_until)
        try:
            http.timeout = self._limits.idle_timeout
            http.request(
                "GET",
                self._target(location),
                headers={
                    "Host": location.authority,
                    "User-Agent": USER_AGENT,
                    "Accept": "*/*",
                    "Accept-Encoding": "identity",
                    **headers,
                },
                preload_content=False,
                decode_content=False,
            )
            response = http.getresponse()
        except BaseException as error:
            self._watchdog.end(watch)
            connection.close()
            judge(watch)
            if not isinstance(error, NETWORK_ERRORS):
                raise
            if connection.reused and is_silent_end(error):
                return None
            raise trouble(error) from error
        watch.until = self._until
        return response, watch

    def _target(self, location: Location) -> str:
        forwarded = self._connections.proxy is not None and location.scheme == "http"
        return location.url if forwarded else location.target


def judge(watch: Watch) -> None:
    """
    Raises:
        Stopped: the connection was shut down because the fetch was stopped.
        FetchError: ``TIMED_OUT``: it was shut down because its time was up.
    """
    if watch.ended == "stopped":
        raise Stopped
    if watch.ended == "late":
        raise timed_out()
