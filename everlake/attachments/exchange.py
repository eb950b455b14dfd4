"""Requests and their answers, each hop to a checked address and each within its time."""

import math
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager

from everlake.attachments import answers
from everlake.attachments.connections import Connections
from everlake.attachments.errors import FetchCode, FetchError, Stopped
from everlake.attachments.guard import Guard
from everlake.attachments.session import Session
from everlake.attachments.trouble import timed_out, trouble
from everlake.attachments.url import Location, follow
from everlake.attachments.values import FetchLimits

_MAX_ADDRESSES = 4
_LOOK_SECONDS = 0.1


class Answer:
    """An answer whose body is still to come.

    Attributes:
        status: of HTTP.
        headers: by name in any case.
        length: announced bytes of the body; None where its end shows otherwise.
    """

    def __init__(self, session: Session, pieces: Iterator[bytes]) -> None:
        self.status = session.status
        self.headers = session.headers
        self.length = answers.content_length(session.headers)
        self._pieces = pieces

    def pieces(self) -> Iterator[bytes]:
        """The body as it is sent, in pieces as they come.

        Raises:
            FetchError: ``CUT_OFF``, ``TIMED_OUT``, ``TLS_FAILED``, ``BAD_ANSWER``.
            Stopped: it was asked for.
        """
        return self._pieces


class Exchange:
    """The requests of one fetch, one after the other.

    Args:
        limits: bounds of the fetch.
        guard: who may be spoken to.
        connections: where sessions come from.
        stop: ends the fetch when it is set.
    """

    def __init__(
        self, limits: FetchLimits, guard: Guard, connections: Connections, stop: threading.Event
    ) -> None:
        self._limits = limits
        self._guard = guard
        self._connections = connections
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
        """The answer to one request."""
        addresses = self._addresses(location)
        session = self._connections.take(location)
        good = False
        try:
            self._ask(session, location, addresses, headers)
            yield Answer(session, self._body(session))
            good = not answers.has_two_framings(session.headers)
        finally:
            # Whatever went wrong may have gone wrong in the session.
            if good:
                session.end()
                self._connections.give_back(session)
            else:
                session.close()

    def _addresses(self, location: Location) -> list[str]:
        if self._connections.proxied:
            self._guard.check(location, proxied=True)
            return [""]
        return self._guard.addresses(location)

    def _ask(
        self,
        session: Session,
        location: Location,
        addresses: Sequence[str],
        headers: Mapping[str, str],
    ) -> None:
        """Have the head of an answer, of the first address that takes a connection."""
        origin, known = session.reaches
        # One that there may be a connection to comes first.
        if origin == location.origin and known in addresses:
            addresses = [known, *(one for one in addresses if one != known)]
        fields = [f"{name}: {value}" for name, value in headers.items()]
        for address in addresses[:_MAX_ADDRESSES]:
            session.end()
            session.begin(location, address, fields)
            self._await_head(session)
            if session.status:
                return
            if session.connected:
                break
        raise trouble(session.code or 0, connected=session.connected)

    def _await_head(self, session: Session) -> None:
        """Return with the head of an answer, or when there will be none."""
        until = math.inf
        while not session.status and session.code is None:
            if session.connected and until == math.inf:
                until = time.monotonic() + self._limits.idle_timeout
            self._step(session, until)

    def _body(self, session: Session) -> Iterator[bytes]:
        quiet_until = time.monotonic() + self._limits.idle_timeout
        while True:
            if piece := session.take():
                yield piece
                quiet_until = time.monotonic() + self._limits.idle_timeout
            if session.code is not None:
                break
            self._step(session, quiet_until)
        if session.code:
            raise trouble(session.code, connected=True)

    def _step(self, session: Session, until: float) -> None:
        """Wait for what comes, in pieces short enough to hear of a stop."""
        self.pause()
        left = min(until, self._until) - time.monotonic()
        if left <= 0:
            raise timed_out()
        session.step(min(left, _LOOK_SECONDS))
