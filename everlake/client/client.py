"""Synchronous client of the ingestion API."""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from everlake.client.responses import (
    decode_content,
    decode_response,
    not_everlake,
    require_event_stream,
)
from everlake.client.retry import RetryDelay, sleep
from everlake.client.server_sent_events import LineTooLong, read_events
from everlake.client.transport import ByteChunks, Transport
from everlake.client.uploads import upload_file
from everlake.contract import endpoints
from everlake.contract.batches import TERMINAL_STATUSES, Batch, BatchPage, BatchStatus, Receipt
from everlake.contract.limits import MAX_PAGE_SIZE
from everlake.contract.media_types import EVENT_STREAM, MediaType
from everlake.contract.queries import IngestQuery, ListBatchesQuery, PageQuery, query_parameters
from everlake.contract.rejected_records import RejectedPage, RejectedRecord

T = TypeVar("T")

_decode_receipt = msgspec.json.Decoder(Receipt).decode
_decode_batch = msgspec.json.Decoder(Batch).decode
_decode_batches = msgspec.json.Decoder(BatchPage).decode
_decode_rejected = msgspec.json.Decoder(RejectedPage).decode


class Client:
    """Client of one server with one key. Threads may share it.

    Every method raises :class:`ApiError` for an error response, and :class:`Unreachable` if there
    is no response of Everlake after all attempts.

    Args:
        url: base URL of the server, such as ``http://127.0.0.1:8400``.
        key: API key, ``em_sk_...``.
        attempts: of a request. Only lost connections and responses that ask for another attempt
            (429, 502 to 504) are repeated; a 429 does not count as an attempt.
        timeout: for one response, in seconds.
        before_retry: returns when a request may be made again; waits for the delay by default. An
            exception from it ends the request.
        before_again: former name of ``before_retry``.

    Raises:
        Unreachable: ``url`` is not an http or https URL.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        attempts: int = 8,
        timeout: float = 60.0,
        before_retry: Callable[[RetryDelay], None] = sleep,
        before_again: Callable[[RetryDelay], None] | None = None,
    ) -> None:
        if before_again is not None:
            warnings.warn(
                "Client(before_again=...) is now Client(before_retry=...)",
                DeprecationWarning,
                stacklevel=2,
            )
            before_retry = before_again
        self._transport = Transport(
            url, key, attempts=attempts, timeout=timeout, before_retry=before_retry
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def ingest(
        self,
        body: bytes,
        *,
        content_type: str = MediaType.JSON,
        idempotency_key: str,
        dry_run: bool = False,
    ) -> Receipt:
        """Submit records and return the receipt.

        Args:
            body: the records.
            content_type: of the body.
            idempotency_key: makes it safe to submit the same body again.
            dry_run: validate the records without storing them.

        Raises:
            ApiError: the request as a whole, or every record of it, was rejected.
            Unreachable: no response.
        """
        receipt, _ = self.ingest_or_replay(
            body, content_type=content_type, idempotency_key=idempotency_key, dry_run=dry_run
        )
        return receipt

    def ingest_or_replay(
        self, body: bytes, *, content_type: str, idempotency_key: str, dry_run: bool = False
    ) -> tuple[Receipt, bool]:
        """Submit records as :meth:`ingest` does.

        Returns:
            the receipt, and whether it is that of an earlier request with the same key.
        """
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Idempotency-Key": idempotency_key,
        }
        with closing(ByteChunks(body)) as content:
            response = self._transport.send(
                endpoints.INGEST.method,
                endpoints.INGEST.url(),
                content=content,
                headers=headers,
                params=query_parameters(IngestQuery(dry_run=dry_run)),
            )
        replayed = response.headers.get("idempotent-replayed") == "true"
        return decode_response(response, _decode_receipt), replayed

    def batch(self, batch_id: str) -> Batch:
        """Return the status and counts of a batch.

        Raises:
            ApiError: there is no such batch, or the key may not see it.
            Unreachable: no response.
        """
        return self._call(endpoints.GET_BATCH.url(batchId=batch_id), _decode_batch)

    def batches(self, *, status: BatchStatus | None = None) -> Iterator[Batch]:
        """Yield the batches of the workspace, newest first.

        Args:
            status: of the batches; any by default.

        Raises:
            ApiError: the key may not see them.
            Unreachable: no response.
        """
        query = ListBatchesQuery(status=status, limit=MAX_PAGE_SIZE)
        while True:
            page = self._call(endpoints.LIST_BATCHES.url(), _decode_batches, query)
            yield from page.batches
            if page.nextCursor is None:
                return
            query = msgspec.structs.replace(query, cursor=page.nextCursor)

    def wait(self, batch_id: str, *, timeout: float, poll: float = 0.2) -> Batch:
        """Wait until a batch is ``COMPLETE`` or ``FAILED``, and return it.

        Args:
            batch_id: of the batch.
            timeout: longest wait, in seconds; the batch is then returned as it is.
            poll: interval between requests, in seconds.

        Raises:
            ApiError: as :meth:`batch`.
            Unreachable: no response.
        """
        deadline = time.monotonic() + timeout
        while True:
            batch = self.batch(batch_id)
            if batch.status in TERMINAL_STATUSES or time.monotonic() >= deadline:
                return batch
            time.sleep(poll)

    def events(self, batch_id: str) -> Iterator[Batch]:
        """Yield a batch now and after each change, until it and its attachments are settled.

        A stream that is lost is requested again, and continues where it ended.

        Raises:
            ApiError: there is no such batch, or the key may not (or no longer) see it.
            Unreachable: no response.
        """
        url = endpoints.WATCH_BATCH.url(batchId=batch_id)
        headers = {"Accept": EVENT_STREAM}
        while True:
            response = self._transport.send("GET", url, headers=headers, stream=True)
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
            except LineTooLong:
                raise not_everlake(response) from None
            finally:
                response.close()
            self._transport.wait_before_reconnect()

    def errors(self, batch_id: str, *, limit: int = MAX_PAGE_SIZE) -> Iterator[RejectedRecord]:
        """Yield the rejected records of a batch by index, with payloads and all errors.

        A record with very many errors comes in parts, which have the same index.

        Args:
            batch_id: of the batch.
            limit: records of a request, 1 to 100.

        Raises:
            ApiError: there is no such batch, or the key may not see it.
            Unreachable: no response.
        """
        url = endpoints.LIST_BATCH_ERRORS.url(batchId=batch_id)
        query = PageQuery(limit=limit)
        while True:
            page = self._call(url, _decode_rejected, query)
            yield from page.errors
            if page.nextCursor is None:
                return
            query = msgspec.structs.replace(query, cursor=page.nextCursor)

    def retry(self, batch_id: str) -> Batch:
        """Continue a ``FAILED`` batch where it stopped; leave any other as it is.

        Raises:
            ApiError: there is no such batch, all of its records were rejected, or the key may not
                write.
            Unreachable: no response.
        """
        endpoint = endpoints.RETRY_BATCH
        return self.request(endpoint.method, endpoint.url(batchId=batch_id), _decode_batch)

    def upload(
        self,
        path: Path,
        *,
        filename: str | None = None,
        mime_type: str | None = None,
        resume: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> str:
        """Upload a file and return its ``upload_intent_id``, to which a record can refer.

        The file is read in chunks and never held in memory.

        Args:
            path: of the file.
            filename: name under which the file is stored; that of the path by default.
            mime_type: media type, if known.
            resume: ``upload_intent_id`` of an unfinished upload; only what is missing is sent.
            progress: called with the number of bytes sent so far.

        Raises:
            UploadError: the file cannot be read, has changed, or is not that of ``resume``.
            ApiError: error response of the server.
            StorageRefused: error response of the storage, where the file is sent there.
            Unreachable: no response.
        """
        return upload_file(
            self._transport,
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
        """Send any other request and return its decoded response.

        Args:
            method: of HTTP.
            path: of the API, with its leading slash.
            decode: takes the response's body.
            content: body; iterated once for each attempt.
            headers: other than the key.

        Raises:
            ApiError: error response.
            Unreachable: no response.
        """
        response = self._transport.send(method, path, content=content, headers=headers)
        return decode_response(response, decode)

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Send any other GET and return its JSON response as plain Python values.

        Raises:
            ApiError: error response.
            Unreachable: no response.
        """
        return decode_response(
            self._transport.send("GET", path, params=params), msgspec.json.decode
        )

    def _call(self, path: str, decode: Callable[[bytes], T], query: PageQuery | None = None) -> T:
        params = None if query is None else query_parameters(query)
        return decode_response(self._transport.send("GET", path, params=params), decode)
