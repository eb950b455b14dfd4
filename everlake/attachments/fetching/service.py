"""Fetcher: downloads the content of a URL into the spool, and resumes partial downloads."""

import threading
from collections.abc import Callable
from pathlib import Path

from everlake.attachments.fetching import http_headers
from everlake.attachments.fetching.content_decoding import decode_content
from everlake.attachments.fetching.host_limits import HostLimits
from everlake.attachments.fetching.http_client import FetchResponse, HttpClient
from everlake.attachments.fetching.session_pool import SessionPool
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from everlake.attachments.fetching.types import ConnectionOptions, FetchLimits
from everlake.attachments.fetching.url import ParsedUrl, parse, validate_proxy_url
from everlake.attachments.spooling.entry import SpoolEntry, ignore_progress
from everlake.attachments.spooling.integrity_checks import check_expected, check_size
from everlake.attachments.spooling.resume_state import ResumeState, boot_id
from everlake.attachments.spooling.spool import Spool
from everlake.attachments.types import ExpectedContent, SpooledContent


class Fetcher:
    """Downloads over HTTP and HTTPS; safe for many threads.

    Cookies, credentials and the proxies of the environment are not used, and no response can cause
    a request to an address that the guard does not allow.

    Args:
        spool: receives the content.
        guard: decides which addresses are allowed.
        limits: bounds of one fetch.
        connections_per_host: largest number of concurrent requests to a host and port; further
            ones wait.
        proxy: ``http://host:port`` of a proxy for all requests. It resolves host names, so that
            the guard refuses only addresses and internal names: the proxy must refuse names that
            resolve to internal addresses.
        ca_file: certificate authorities (PEM) trusted in addition to the system's.

    Raises:
        ValueError: the proxy's URL is not of that form.
    """

    def __init__(
        self,
        spool: Spool,
        guard: SsrfGuard,
        limits: FetchLimits,
        *,
        connections_per_host: int,
        proxy: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        if proxy is not None:
            validate_proxy_url(proxy)
        self._spool = spool
        self._guard = guard
        self._limits = limits
        self._host_limits = HostLimits(connections_per_host)
        self._sessions = SessionPool(
            ConnectionOptions(connect_timeout=limits.connect_timeout, proxy=proxy, ca_file=ca_file)
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
        """Download the content of ``url`` and check it, resuming an earlier partial download.

        Args:
            name: name of the content in the spool: letters, digits, ``_`` and ``-``.
            url: the URL as the record states it.
            expected: properties of the content that the record states.
            stated_type: MIME type that the record states.
            stop: cancels the fetch when it is set.
            on_progress: called with the bytes received so far, at most four times a second.

        Raises:
            FetchError: the content is not available.
            FetchStopped: ``stop`` was set.
            SpoolError: the disk failed.
        """
        location = parse(url)
        self._guard.check(location, proxied=self._sessions.uses_proxy)
        check_expected(expected, self._limits.max_bytes)
        client = HttpClient(self._limits, self._guard, self._sessions, self._host_limits, stop)
        with self._spool.entry(name, expected, self._limits.max_bytes, on_progress) as entry:
            state = entry.resume(url, client.check_cancellation)
            if state is None or not self._resume(client, location, entry, state, expected):
                self._fetch_from_start(client, location, entry, url, expected)
            return entry.finish(stated_type)

    def close(self) -> None:
        """Close idle connections. Running fetches are cancelled by their own ``stop``."""
        self._sessions.close()

    def _fetch_from_start(
        self,
        client: HttpClient,
        location: ParsedUrl,
        entry: SpoolEntry,
        url: str,
        expected: ExpectedContent,
    ) -> None:
        """Download the content from its first byte."""
        with client.get(location, {}) as response:
            if response.status not in http_headers.FULL_CONTENT_STATUSES:
                raise http_headers.status_error(response.status, response.headers)
            self._receive(response, entry, url, expected)

    def _resume(
        self,
        client: HttpClient,
        location: ParsedUrl,
        entry: SpoolEntry,
        state: ResumeState,
        expected: ExpectedContent,
    ) -> bool:
        """Download the rest of partial content; return False when it must start over.

        Range requests: RFC 9110, sections 13.1.5 and 14.
        """
        headers = {"Range": f"bytes={entry.size}-", "If-Range": state.validator.value}
        with client.get(location, headers) as response:
            if response.status in http_headers.FULL_CONTENT_STATUSES:
                self._receive(response, entry, state.url, expected)
                return True
            if response.status == http_headers.RANGE_NOT_SATISFIABLE:
                return _is_complete(response, entry, state)
            if response.status != http_headers.PARTIAL_CONTENT:
                raise http_headers.status_error(response.status, response.headers)
            total = _resumed_size(response, entry, state)
            if total is None:
                return False
            check_size(total, expected, self._limits.max_bytes)
            entry.append(response.iter_body())
            return True

    def _receive(
        self, response: FetchResponse, entry: SpoolEntry, url: str, expected: ExpectedContent
    ) -> None:
        """Spool a complete response, with a resume state when its validator is strong."""
        coding = http_headers.content_coding(response.headers)
        if coding is not None:
            # Ranges count encoded bytes, and the spool has decoded ones: this cannot be resumed.
            entry.restart(None)
            entry.append(decode_content(response.iter_body(), coding))
            return
        if response.content_length is not None:
            check_size(response.content_length, expected, self._limits.max_bytes)
        validator = http_headers.strong_validator(response.headers)
        state = validator and ResumeState(
            url=url, validator=validator, total=response.content_length, boot=boot_id()
        )
        entry.restart(state)
        entry.append(response.iter_body())


def _is_complete(response: FetchResponse, entry: SpoolEntry, state: ResumeState) -> bool:
    """Return whether a 416 means that the spool already has all of the same content."""
    etag = http_headers.single_value(response.headers, "etag")
    return (
        http_headers.complete_length(response.headers) == entry.size
        and state.total in {None, entry.size}
        and (etag is None or http_headers.matches_validator(response.headers, state.validator))
    )


def _resumed_size(response: FetchResponse, entry: SpoolEntry, state: ResumeState) -> int | None:
    """Return the complete size when a 206 is exactly the missing rest; None otherwise."""
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
