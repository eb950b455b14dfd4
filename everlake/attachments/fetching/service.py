"""Fetching what one URL leads to into the spool, whoever it was that wrote the URL."""

import threading
from collections.abc import Callable
from pathlib import Path

from everlake.attachments.fetching import http_headers
from everlake.attachments.fetching.content_decoding import decode_content
from everlake.attachments.fetching.curl_session import ConnectionOptions
from everlake.attachments.fetching.http_client import FetchResponse, HttpClient
from everlake.attachments.fetching.session_pool import SessionPool
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from everlake.attachments.fetching.url import ParsedUrl, parse
from everlake.attachments.spooling.integrity_checks import check_expected, check_size
from everlake.attachments.spooling.resume_state import ResumeState, boot_id
from everlake.attachments.spooling.spool import Spool, SpoolEntry, ignore_progress
from everlake.attachments.types import ExpectedContent, FetchLimits, SpooledContent

__all__ = ["ExpectedContent", "FetchLimits", "Fetcher", "SpooledContent"]


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
        guard: SsrfGuard,
        limits: FetchLimits,
        *,
        proxy: str | None = None,
        connections_per_host: int = 4,
        ca_file: Path | None = None,
    ) -> None:
        self._spool = spool
        self._guard = guard
        self._limits = limits
        self._sessions = SessionPool(
            ConnectionOptions(connect_timeout=limits.connect_timeout, proxy=proxy, ca_file=ca_file),
            per_host=connections_per_host,
        )

    def fetch(
        self,
        name: str,
        url: str,
        expected: ExpectedContent,
        *,
        stated_type: str | None = None,
        stop: threading.Event,
        on_progress: Callable[[int], None] = ignore_progress,
    ) -> SpooledContent:
        """Fetch ``url`` whole and check it, going on with what an earlier fetch left.

        Args:
            name: of the content in the spool: letters, digits, ``_`` and ``-``.
            url: as the record states it.
            expected: what the record states of the content.
            stated_type: MIME type that the record states.
            stop: ends the fetch when it is set.
            on_progress: told the bytes so far, four times a second at most.

        Raises:
            FetchError: the content cannot be had.
            Stopped: ``stop`` was set meanwhile.
            SpoolFailed: and :class:`~everlake.attachments.errors.SpoolFull`, from the disk.
        """
        location = parse(url)
        self._guard.check(location, proxied=self._sessions.uses_proxy)
        check_expected(expected, self._limits.max_bytes)
        with self._spool.entry(name, expected, self._limits.max_bytes, on_progress) as slot:
            exchange = HttpClient(self._limits, self._guard, self._sessions, stop)
            part = slot.resume(url, exchange.check_cancellation)
            if part is None or not self._resume(exchange, location, slot, part, expected):
                self._fetch_from_start(exchange, location, slot, url, expected)
            return slot.finish(stated_type)

    def close(self) -> None:
        """Close idle connections. Fetches that still run end by their ``stop`` alone."""
        self._sessions.close()

    def _fetch_from_start(
        self,
        client: HttpClient,
        location: ParsedUrl,
        entry: SpoolEntry,
        url: str,
        expected: ExpectedContent,
    ) -> None:
        """Fetch the content from its first byte."""
        with client.get(location, {}) as answer:
            if answer.status not in http_headers.FULL_CONTENT_STATUSES:
                raise http_headers.status_error(answer.status, answer.headers)
            self._receive(answer, entry, url, expected)

    def _resume(
        self,
        client: HttpClient,
        location: ParsedUrl,
        entry: SpoolEntry,
        state: ResumeState,
        expected: ExpectedContent,
    ) -> bool:
        """Fetch what is missing behind ``state``; False if it has to begin anew.

        Ranges: RFC 9110, sections 13.1.5 and 14.
        """
        headers = {"Range": f"bytes={entry.size}-", "If-Range": state.validator.value}
        with client.get(location, headers) as answer:
            if answer.status in http_headers.FULL_CONTENT_STATUSES:
                self._receive(answer, entry, state.url, expected)
                return True
            if answer.status == http_headers.RANGE_NOT_SATISFIABLE:
                return _is_complete(answer, entry, state)
            if answer.status != http_headers.PARTIAL_CONTENT:
                raise http_headers.status_error(answer.status, answer.headers)
            total = _resumed_size(answer, entry, state)
            if total is None:
                return False
            check_size(total, expected, self._limits.max_bytes)
            entry.append(answer.iter_body())
            return True

    def _receive(
        self, response: FetchResponse, entry: SpoolEntry, url: str, expected: ExpectedContent
    ) -> None:
        """Take in a whole answer, leaving a note by which a later fetch can go on with it."""
        coding = http_headers.content_coding(response.headers)
        if coding is not None:
            # Its offsets are not those of what is kept, so that there is no going on with it.
            entry.restart(None)
            entry.append(decode_content(response.iter_body(), coding))
            return
        if response.content_length is not None:
            check_size(response.content_length, expected, self._limits.max_bytes)
        mark = http_headers.strong_validator(response.headers)
        note = mark and ResumeState(
            url=url, validator=mark, total=response.content_length, boot=boot_id()
        )
        entry.restart(note)
        entry.append(response.iter_body())


def _is_complete(response: FetchResponse, entry: SpoolEntry, state: ResumeState) -> bool:
    """Whether a 416 says that nothing is missing: of the same content, as far as it tells."""
    etag = http_headers.single_value(response.headers, "etag")
    return (
        http_headers.complete_length(response.headers) == entry.size
        and state.total in {None, entry.size}
        and (etag is None or http_headers.matches_validator(response.headers, state.validator))
    )


def _resumed_size(response: FetchResponse, entry: SpoolEntry, state: ResumeState) -> int | None:
    """Bytes of the whole content, if a 206 is all of it that is missing; else None."""
    found = http_headers.content_range(response.headers)
    if (
        found is None
        or found.total is None
        or state.total not in {None, found.total}
        or (found.first, found.last) != (entry.size, found.total - 1)
        or response.content_length not in {None, found.total - found.first}
        or not http_headers.matches_validator(response.headers, state.validator)
        or http_headers.list_values(response.headers, "content-encoding") not in ([], ["identity"])
    ):
        return None
    return found.total
