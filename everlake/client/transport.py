"""HTTP requests of the client, each repeated until it is answered or given up."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import httpx

from everlake.client.errors import Unreachable
from everlake.client.responses import api_error, retry_after, retry_reason, storage_error
from everlake.client.retry import RetryDelay, backoff, with_jitter
from everlake.contract.batches import HEARTBEAT_SECONDS

CHUNK_BYTES = 128 * 1024
"""Size of the chunks in which bodies are sent."""

_RATE_LIMITED = 429
_RETRYABLE_STATUSES = (_RATE_LIMITED, 502, 503, 504)
_RETRYABLE_STORAGE_STATUSES = (*_RETRYABLE_STATUSES, 500)
_CONNECT_TIMEOUT = 10.0
_STREAM_READ_TIMEOUT = 4 * HEARTBEAT_SECONDS


class ByteChunks:
    """A body in memory that is sent in chunks, as often as the request is made.

    A socket that takes a part of a whole body would copy all of the rest.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return (self._body[at : at + CHUNK_BYTES] for at in range(0, len(self._body), CHUNK_BYTES))

    def close(self) -> None:
        """Release the body: requests and responses of httpx refer to each other for a long time."""
        self._body = b""


class Transport:
    """Sends requests to one server with one key. Threads may share it.

    Args:
        url: base URL of the server.
        key: API key.
        attempts: of a request. Only lost connections and responses that ask for another attempt
            (429, 502 to 504) are repeated; a 429 does not count as an attempt.
        timeout: for one response, in seconds.
        before_retry: returns when a request may be made again. An exception from it ends the
            request.

    Raises:
        Unreachable: ``url`` is not an http or https URL.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        attempts: int,
        timeout: float,
        before_retry: Callable[[RetryDelay], None],
    ) -> None:
        self._attempts = attempts
        self._before_retry = before_retry
        timeouts = httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT))
        self._http = httpx.Client(
            base_url=_parse_url(url),
            headers={b"x-api-key": key.strip().encode()},
            timeout=timeouts,
            trust_env=False,
        )
        # Without the key: signed URLs need none, and their server must not see it.
        self._external_http = httpx.Client(timeout=timeouts, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self._external_http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        content: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> httpx.Response:
        """Send a request to the server and return its response, which has a 2xx status.

        Args:
            method: of HTTP.
            path: of the API.
            content: body; iterated once for each attempt.
            headers: other than the key.
            params: of the query.
            stream: leave the response's body unread.

        Raises:
            ApiError: error response.
            Unreachable: no response of Everlake.
        """
        request = self._http.build_request(
            method, path, content=content, headers=headers, params=params
        )
        if stream:
            request.extensions["timeout"]["read"] = _STREAM_READ_TIMEOUT
        server = str(self._http.base_url)
        return self._send_with_retries(
            self._http, request, server, _RETRYABLE_STATUSES, api_error, stream=stream
        )

    def put_external(self, url: str, content: Iterable[bytes], headers: Mapping[str, str]) -> None:
        """Send a PUT to a signed URL of another server, without the key.

        Raises:
            StorageRefused: error response.
            Unreachable: no response, or ``url`` is not a URL.
        """
        request = self._external_http.build_request(
            "PUT", str(_parse_url(url)), content=content, headers=headers
        )
        server = str(request.url.copy_with(path="/", query=None))
        self._send_with_retries(
            self._external_http, request, server, _RETRYABLE_STORAGE_STATUSES, storage_error
        )

    def wait_before_reconnect(self) -> None:
        """Wait before a stream that was lost is requested again."""
        reason = f"{self._http.base_url} ended the stream before the batch did"
        self._before_retry(RetryDelay(reason, with_jitter(backoff(0)), rate_limited=False))

    def _send_with_retries(
        self,
        http: httpx.Client,
        request: httpx.Request,
        server: str,
        retryable: tuple[int, ...],
        to_error: Callable[[httpx.Response], Exception],
        *,
        stream: bool = False,
    ) -> httpx.Response:
        failures = retries = 0
        while True:
            try:
                response = http.send(request, stream=stream)
                if not response.is_success:
                    response.read()
            except httpx.TransportError as error:
                failures += 1
                reason = f"{server} does not answer ({error or type(error).__name__})"
                if failures >= self._attempts:
                    raise Unreachable(
                        f"{reason}: is the server running, and the URL right?"
                    ) from error
                delay = RetryDelay(reason, with_jitter(backoff(retries)), rate_limited=False)
            else:
                if response.is_success:
                    return response
                rate_limited = response.status_code == _RATE_LIMITED
                failures += not rate_limited
                if response.status_code not in retryable or failures >= self._attempts:
                    raise to_error(response)
                seconds = retry_after(response) or backoff(retries)
                delay = RetryDelay(retry_reason(response), with_jitter(seconds), rate_limited)
            self._before_retry(delay)
            retries += 1


def _parse_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise Unreachable(f"{text} is not a URL: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise Unreachable(f"{text} is not the URL of a server, such as http://127.0.0.1:8400")
    return url
