"""A small synchronous client: submit records, follow batches, search."""

import random
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from everlake.contract.batch import Batch, BatchStatus, Receipt
from everlake.contract.errors import ErrorBody

JSON = "application/json"
NDJSON = "application/x-ndjson"

_ENDED = (BatchStatus.COMPLETE, BatchStatus.FAILED)
_PASSING = (429, 502, 503, 504)
_FIRST_WAIT = 0.2
_LONGEST_WAIT = 10.0

T = TypeVar("T")

_decode_error = msgspec.json.Decoder(ErrorBody).decode
_decode_receipt = msgspec.json.Decoder(Receipt).decode
_decode_batch = msgspec.json.Decoder(Batch).decode


class Unreachable(Exception):
    """No answer from the server, however often it was asked."""


class ApiError(Exception):
    """The server refused; ``body`` is its answer, ``status`` the HTTP status."""

    def __init__(self, status: int, body: ErrorBody) -> None:
        super().__init__(f"{body.error}: {body.message}")
        self.status = status
        self.body = body


class Client:
    """Talks to one server with one key.

    Args:
        url: the server's base URL, such as ``http://127.0.0.1:8400``.
        key: an ``em_sk_`` API key.
        attempts: how often a request is made before it is given up. Only answers that say
            "later" (429, 502 to 504) and lost connections are tried again.
        timeout: seconds to wait for one answer.

    Raises:
        Unreachable: ``url`` is no http or https URL.
    """

    def __init__(self, url: str, key: str, *, attempts: int = 8, timeout: float = 60.0) -> None:
        self._attempts = attempts
        self._http = httpx.Client(
            base_url=_base_url(url),
            headers={b"x-api-key": key.strip().encode()},
            timeout=timeout,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

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
        headers = {"Content-Type": content_type, "Idempotency-Key": idempotency_key}
        params = {"dry_run": "true"} if dry_run else None
        response = self._ask("POST", "/api/v1/ingest", content=body, headers=headers, params=params)
        return _read(response, _decode_receipt)

    def batch(self, batch_id: str) -> Batch:
        """One batch's status and counts.

        Raises:
            ApiError: there is none, or the key may not see it.
            Unreachable: no answer.
        """
        return _read(self._ask("GET", f"/api/v1/ingest/batches/{batch_id}"), _decode_batch)

    def wait(self, batch_id: str, *, timeout: float, poll: float = 0.2) -> Batch:
        """The batch once it is ``COMPLETE`` or ``FAILED``, or as it is after ``timeout`` seconds.

        Raises:
            ApiError: as :meth:`batch`.
            Unreachable: no answer.
        """
        deadline = time.monotonic() + timeout
        while True:
            batch = self.batch(batch_id)
            if batch.status in _ENDED or time.monotonic() >= deadline:
                return batch
            time.sleep(poll)

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Any other answer of the API, as plain Python values.

        Raises:
            ApiError: the request was refused.
            Unreachable: no answer.
        """
        return _read(self._ask("GET", path, params=params), msgspec.json.decode)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        wait = _FIRST_WAIT
        for attempt in range(1, self._attempts + 1):
            try:
                response = self._http.request(
                    method, path, content=content, headers=headers, params=params
                )
            except httpx.TransportError as error:
                if attempt == self._attempts:
                    raise Unreachable(
                        f"{self._http.base_url} does not answer ({error}): "
                        "is the server running, and the URL right?"
                    ) from error
                pause = wait
            else:
                if response.is_success:
                    return response
                if response.status_code not in _PASSING or attempt == self._attempts:
                    raise ApiError(response.status_code, _read(response, _decode_error))
                pause = _told(response) or wait
            # Jitter keeps many clients from coming back at the same moment.
            time.sleep(pause * random.uniform(1.0, 1.25))  # noqa: S311
            wait = min(wait * 2, _LONGEST_WAIT)
        raise AssertionError("unreachable")


def _base_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise Unreachable(f"{text} is not a URL: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise Unreachable(f"{text} is not the URL of a server, such as http://127.0.0.1:8400")
    return url


def _read(response: httpx.Response, decode: Callable[[bytes], T]) -> T:
    try:
        return decode(response.content)
    except msgspec.DecodeError:
        raise Unreachable(
            f"{response.url} answered {response.status_code} and not as Everlake does: "
            "is the URL right?"
        ) from None


def _told(response: httpx.Response) -> float | None:
    """The seconds that a server, or a proxy before it, says to wait."""
    try:
        told = _decode_error(response.content).retryAfter
    except msgspec.DecodeError:
        told = msgspec.UNSET
    if isinstance(told, (int, float)):
        return told
    header = response.headers.get("retry-after", "")
    return float(header) if header.isascii() and header.isdigit() else None
