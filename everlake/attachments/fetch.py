"""Fetching what one URL leads to into the spool, whoever it was that wrote the URL."""

import threading
from collections.abc import Callable
from pathlib import Path

from everlake.attachments import answers
from everlake.attachments.checks import check_expected, check_total
from everlake.attachments.connections import Connections
from everlake.attachments.decoding import decoded
from everlake.attachments.exchange import Answer, Exchange
from everlake.attachments.guard import Guard
from everlake.attachments.session import Way
from everlake.attachments.sidecar import Sidecar, boot_id
from everlake.attachments.spool import Slot, Spool, ignore
from everlake.attachments.url import Location, parse
from everlake.attachments.values import Expected, Fetched, FetchLimits

__all__ = ["Expected", "FetchLimits", "Fetched", "Fetcher"]


class Fetcher:
    """Fetches over HTTP, from many threads at once.

    Cookies, credentials and proxies of the environment are not used; no answer can lead to an
    address that the guard does not open. A request goes to an address that was checked, with the
    host's own name in ``Host``, SNI and certificate.

    Args:
        spool: where content goes.
        guard: who may be spoken to.
        limits: bounds of one fetch.
        proxy: ``http://host:port`` of a proxy that all requests go through, on purpose. It looks
            names up itself, so that only literal addresses and names known to be inside are
            refused here: the proxy must refuse inside addresses.
        connections_per_host: greatest number of requests to a host and port at once; further
            ones wait.
        ca: file of certificate authorities (PEM) trusted beside the system's.

    Raises:
        ValueError: the proxy's URL is not of that form.
    """

    def __init__(
        self,
        spool: Spool,
        guard: Guard,
        limits: FetchLimits,
        *,
        proxy: str | None = None,
        connections_per_host: int = 4,
        ca: Path | None = None,
    ) -> None:
        self._spool = spool
        self._guard = guard
        self._limits = limits
        self._connections = Connections(
            Way(connect_timeout=limits.connect_timeout, proxy=proxy, ca=ca),
            per_host=connections_per_host,
        )

    def fetch(
        self,
        name: str,
        url: str,
        expected: Expected,
        *,
        stated_type: str | None = None,
        stop: threading.Event,
        report: Callable[[int], None] = ignore,
    ) -> Fetched:
        """Fetch ``url`` whole and check it, going on with what an earlier fetch left.

        Args:
            name: of the content in the spool: letters, digits, ``_`` and ``-``.
            url: as the record states it.
            expected: what the record states of the content.
            stated_type: MIME type that the record states.
            stop: ends the fetch when it is set.
            report: told the bytes so far, four times a second at most.

        Raises:
            FetchError: the content cannot be had.
            Stopped: ``stop`` was set meanwhile.
            SpoolFailed: and :class:`~everlake.attachments.errors.SpoolFull`, from the disk.
        """
        location = parse(url)
        self._guard.check(location, proxied=self._connections.proxied)
        check_expected(expected, self._limits.max_bytes)
        with self._spool.slot(name, expected, self._limits.max_bytes, report) as slot:
            exchange = Exchange(self._limits, self._guard, self._connections, stop)
            part = slot.resume(url, exchange.pause)
            if part is None or not self._go_on(exchange, location, slot, part, expected):
                self._start(exchange, location, slot, url, expected)
            return slot.finish(stated_type)

    def close(self) -> None:
        """Close idle connections. Fetches that still run end by their ``stop`` alone."""
        self._connections.close()

    def _start(
        self, exchange: Exchange, location: Location, slot: Slot, url: str, expected: Expected
    ) -> None:
        """Fetch the content from its first byte."""
        with exchange.answer(location, {}) as answer:
            if answer.status not in answers.WHOLE:
                raise answers.status_error(answer.status, answer.headers)
            self._take(answer, slot, url, expected)

    def _go_on(
        self, exchange: Exchange, location: Location, slot: Slot, part: Sidecar, expected: Expected
    ) -> bool:
        """Fetch what is missing behind ``part``; False if it has to begin anew.

        Ranges: RFC 9110, sections 13.1.5 and 14.
        """
        headers = {"Range": f"bytes={slot.size}-", "If-Range": part.validator.value}
        with exchange.answer(location, headers) as answer:
            if answer.status in answers.WHOLE:
                self._take(answer, slot, part.url, expected)
                return True
            if answer.status == answers.NOT_SATISFIABLE:
                return _is_whole(answer, slot, part)
            if answer.status != answers.PARTIAL:
                raise answers.status_error(answer.status, answer.headers)
            total = _continued(answer, slot, part)
            if total is None:
                return False
            check_total(total, expected, self._limits.max_bytes)
            slot.fill(answer.pieces())
            return True

    def _take(self, answer: Answer, slot: Slot, url: str, expected: Expected) -> None:
        """Take in a whole answer, leaving a note by which a later fetch can go on with it."""
        coding = answers.content_coding(answer.headers)
        if coding is not None:
            # Its offsets are not those of what is kept, so that there is no going on with it.
            slot.restart(None)
            slot.fill(decoded(answer.pieces(), coding))
            return
        if answer.length is not None:
            check_total(answer.length, expected, self._limits.max_bytes)
        mark = answers.validator(answer.headers)
        note = mark and Sidecar(url=url, validator=mark, total=answer.length, boot=boot_id())
        slot.restart(note)
        slot.fill(answer.pieces())


def _is_whole(answer: Answer, slot: Slot, part: Sidecar) -> bool:
    """Whether a 416 says that nothing is missing: of the same content, as far as it tells."""
    etag = answers.one(answer.headers, "etag")
    return (
        answers.whole_length(answer.headers) == slot.size
        and part.total in {None, slot.size}
        and (etag is None or answers.agrees(answer.headers, part.validator))
    )


def _continued(answer: Answer, slot: Slot, part: Sidecar) -> int | None:
    """Bytes of the whole content, if a 206 is all of it that is missing; else None."""
    found = answers.content_range(answer.headers)
    if (
        found is None
        or found.total is None
        or part.total not in {None, found.total}
        or (found.first, found.last) != (slot.size, found.total - 1)
        or answer.length not in {None, found.total - found.first}
        or not answers.agrees(answer.headers, part.validator)
        or answers.listed(answer.headers, "content-encoding") not in ([], ["identity"])
    ):
        return None
    return found.total
