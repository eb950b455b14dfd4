"""A small synchronous client: submit records, follow batches, search."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import httpx
import msgspec

from everlake.client.responses import (
    EVENT_STREAM,
    Unreachable,
    api_error,
    decode_content,
    decode_response,
    require_event_stream,
    retry_after,
    retry_reason,
    storage_error,
)
from everlake.client.server_sent_events import read_events
from everlake.contract.batches import TERMINAL_STATUSES, Batch, Receipt
from everlake.contract.errors import ErrorBody
from everlake.contract.rejected_records import RefusedPage, RefusedRecord

JSON = "application/json"
NDJSON = "application/x-ndjson"

_RATE_LIMITED = 429
_RETRYABLE_STATUSES = (_RATE_LIMITED, 502, 503, 504)
_RETRYABLE_STORAGE_STATUSES = (*_RETRYABLE_STATUSES, 500)
_CHUNK_BYTES = 128 * 1024
_CONNECT_TIMEOUT = 10.0
_INITIAL_BACKOFF = 0.2
_MAX_BACKOFF = 10.0
_STREAM_READ_TIMEOUT = 60.0
"""An event stream without a sign of life for so long is taken for lost; one comes every 15."""

T = TypeVar("T")

_decode_error = msgspec.json.Decoder(ErrorBody).decode
_decode_receipt = msgspec.json.Decoder(Receipt).decode
_decode_batch = msgspec.json.Decoder(Batch).decode
_decode_rejected = msgspec.json.Decoder(RefusedPage).decode


class RetryDelay(NamedTuple):
    """Why a request is made again, and the seconds before that; ``limited`` by the rate (429)."""

    reason: str
    seconds: float
    rate_limited: bool


def _sleep(delay: RetryDelay) -> None:
    time.sleep(delay.seconds)


class _BodyStream:
    """A body that goes out piece by piece, as each piece is copied on its way; as often as asked.

    A whole body would be copied anew for every part of it that a socket takes.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return (
            self._body[at : at + _CHUNK_BYTES] for at in range(0, len(self._body), _CHUNK_BYTES)
        )

    def close(self) -> None:
        """Let go of the body: httpx's requests and responses hold each other for a long time."""
        self._body = b""


class Client:
    """Talks to one server with one key. Threads may share it.

    Args:
        url: the server's base URL, such as ``http://127.0.0.1:8400``.
        key: an ``em_sk_`` API key.
        attempts: how often a request is made before it is given up. Only answers that say
            "later" (429, 502 to 504) and lost connections are tried again; a 429 does not count.
        timeout: seconds to wait for one answer.
        before_again: returns when a request may be made again; what it raises ends the request.

    Raises:
        Unreachable: ``url`` is no http or https URL.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        attempts: int = 8,
        timeout: float = 60.0,
        before_retry: Callable[[RetryDelay], None] = _sleep,
    ) -> None:
        self._attempts = attempts
        self._before_retry = before_retry
        patience = httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT))
        self._http = httpx.Client(
            base_url=_base_url(url),
            headers={b"x-api-key": key.strip().encode()},
            timeout=patience,
            trust_env=False,
        )
        # Has no key: who has signed a URL wants none, and might not be who should see it.
        self._external_http = httpx.Client(timeout=patience, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()
        self._external_http.close()

    def ingest(
        self,
        body: bytes,
        *,
        content_type: str = JSON,
        idempotency_key: str,
        dry_run: bool = False,
    ) -> Receipt:
        """Submit a body of records.

        The idempotency key makes it safe to ask again when an answer was lost.

        Raises:
            ApiError: the request was refused as a whole, or every record was.
            Unreachable: no answer.
        """
        receipt, _ = self.ingest_or_replay(
            body, content_type=content_type, idempotency_key=idempotency_key, dry_run=dry_run
        )
        return receipt

    def ingest_or_replay(
        self, body: bytes, *, content_type: str, idempotency_key: str, dry_run: bool = False
    ) -> tuple[Receipt, bool]:
        """As :meth:`ingest`, and whether it is the answer to an earlier request with this key."""
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Idempotency-Key": idempotency_key,
        }
        params = {"dry_run": "true"} if dry_run else None
        with closing(_BodyStream(body)) as content:
            response = self._send_request(
                "POST", "/api/v1/ingest", content=content, headers=headers, params=params
            )
        replayed = response.headers.get("idempotent-replayed") == "true"
        return decode_response(response, _decode_receipt), replayed

    def batch(self, batch_id: str) -> Batch:
        """One batch's status and counts.

        Raises:
            ApiError: there is none, or the key may not see it.
            Unreachable: no answer.
        """
        return decode_response(
            self._send_request("GET", f"/api/v1/ingest/batches/{batch_id}"), _decode_batch
        )

    def wait(self, batch_id: str, *, timeout: float, poll: float = 0.2) -> Batch:
        """The batch once it is ``COMPLETE`` or ``FAILED``, or as it is after ``timeout`` seconds.

        Raises:
            ApiError: as :meth:`batch`.
            Unreachable: no answer.
        """
        deadline = time.monotonic() + timeout
        while True:
            batch = self.batch(batch_id)
            if batch.status in TERMINAL_STATUSES or time.monotonic() >= deadline:
                return batch
            time.sleep(poll)

    def events(self, batch_id: str) -> Iterator[Batch]:
        """The batch as it is, then as it becomes, until it and its attachments are settled.

        A stream that is lost is asked for again and goes on where it was.

        Raises:
            ApiError: there is none, or the key may not see it, or not any more.
            Unreachable: no answer.
        """
        headers = {"Accept": EVENT_STREAM}
        while True:
            response = self._send_request(
                "GET", f"/api/v1/ingest/batches/{batch_id}/events", headers=headers, stream=True
            )
            if response.status_code == 204:
                return
            try:
                require_event_stream(response)
                for event in read_events(response.iter_bytes()):
                    batch = decode_content(response, event.data.encode(), _decode_batch)
                    headers["Last-Event-ID"] = event.id
                    yield batch
                    if batch.is_settled:
                        return
            except httpx.TransportError:
                pass
            finally:
                response.close()
            lost = f"{self._http.base_url} ended the stream before the batch did"
            self._before_retry(RetryDelay(lost, _with_jitter(_INITIAL_BACKOFF), rate_limited=False))

    def errors(self, batch_id: str, *, limit: int = 100) -> Iterator[RefusedRecord]:
        """The batch's refused records by index, with their payloads and all of their errors.

        One with very many errors comes in parts, which have the same index.

        Args:
            batch_id: which batch.
            limit: most records to ask for at a time, 1 to 100.

        Raises:
            ApiError: there is no such batch, or the key may not see it.
            Unreachable: no answer.
        """
        params = {"limit": str(limit)}
        while True:
            response = self._send_request(
                "GET", f"/api/v1/ingest/batches/{batch_id}/errors", params=params
            )
            page = decode_response(response, _decode_rejected)
            yield from page.errors
            if page.nextCursor is None:
                return
            params["cursor"] = page.nextCursor

    def retry(self, batch_id: str) -> Batch:
        """Send a ``FAILED`` batch on from where it was; any other is left as it is.

        Raises:
            ApiError: there is no such batch, every record of it was refused, or the key may not
                write.
            Unreachable: no answer.
        """
        response = self._send_request("POST", f"/api/v1/ingest/batches/{batch_id}/retry")
        return decode_response(response, _decode_batch)

    def upload(
        self,
        path: Path,
        *,
        filename: str | None = None,
        mime_type: str | None = None,
        resume: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> str:
        """Send a file, for a record to name by the ``upload_intent_id`` that is returned.

        No more than a piece of it is held in memory.

        Args:
            path: the file.
            filename: its name for others; that of the path by default.
            mime_type: its media type, where known.
            resume: the ``upload_intent_id`` of an earlier try; only what is missing is sent.
            progress: told how many bytes have gone out.

        Raises:
            UploadError: the file cannot be read, changes meanwhile, or is not that of ``resume``.
            ApiError: the server refused.
            StorageRefused: as well, where the file goes to its storage.
            Unreachable: no answer.
        """
        from everlake.client.uploads import upload  # noqa: PLC0415 - it works with this class

        return upload(
            self,
            path,
            filename=filename,
            mime_type=mime_type,
            resume=resume,
            progress=progress,
        )

    def request(
        self,
        method: str,
        path: str,
        decode: Callable[[bytes], T],
        *,
        content: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Any other request, and its answer.

        Args:
            method: of HTTP.
            path: of the API, from its ``/``.
            decode: makes the answer out of its body.
            content: the body; may be asked for more than once.
            headers: beside the key.

        Raises:
            ApiError: the request was refused.
            Unreachable: no answer.
        """
        return decode_response(
            self._send_request(method, path, content=content, headers=headers), decode
        )

    def put_external(self, url: str, content: Iterable[bytes], headers: Mapping[str, str]) -> None:
        """PUT to a signed URL of somebody else's, who does not get the key.

        Raises:
            StorageRefused: see there.
            Unreachable: no answer, or it is no URL.
        """
        url = str(_base_url(url))
        request = self._external_http.build_request("PUT", url, content=content, headers=headers)
        place = str(request.url.copy_with(path="/", query=None))
        self._send_with_retries(
            self._external_http, request, place, _RETRYABLE_STORAGE_STATUSES, storage_error
        )

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Any other answer of the API, as plain Python values.

        Raises:
            ApiError: the request was refused.
            Unreachable: no answer.
        """
        return decode_response(self._send_request("GET", path, params=params), msgspec.json.decode)

    def _send_request(
        self,
        method: str,
        path: str,
        *,
        content: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> httpx.Response:
        request = self._http.build_request(
            method, path, content=content, headers=headers, params=params
        )
        if stream:
            request.extensions["timeout"]["read"] = _STREAM_READ_TIMEOUT
        place = str(self._http.base_url)
        return self._send_with_retries(
            self._http, request, place, _RETRYABLE_STATUSES, api_error, stream=stream
        )

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
        wait, failures = _INITIAL_BACKOFF, 0
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
                delay = RetryDelay(reason, _with_jitter(wait), rate_limited=False)
            else:
                if response.is_success:
                    return response
                limited = response.status_code == _RATE_LIMITED
                failures += not limited
                if response.status_code not in retryable or failures >= self._attempts:
                    raise to_error(response)
                delay = RetryDelay(
                    retry_reason(response), _with_jitter(retry_after(response) or wait), limited
                )
            self._before_retry(delay)
            wait = min(wait * 2, _MAX_BACKOFF)


def _with_jitter(seconds: float) -> float:
    """A little more, so that many clients do not come back at the same moment."""
    return seconds * random.uniform(1.0, 1.25)  # noqa: S311


def _base_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise Unreachable(f"{text} is not a URL: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise Unreachable(f"{text} is not the URL of a server, such as http://127.0.0.1:8400")
    return url
