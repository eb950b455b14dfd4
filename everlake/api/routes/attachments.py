"""``GET /api/v1/attachments/{attachmentId}`` and its content."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Request, Response, get, route
from litestar.types import ASGIApp, Receive, Scope, Send

from everlake.api.download_headers import content_disposition, safe_media_type
from everlake.api.range_requests import (
    ByteRange,
    RangeNotSatisfiable,
    matches_if_none_match,
    matches_if_range,
    parse_range,
)
from everlake.api.responses import JSON, json_response
from everlake.api.services import Services, api_key_of, require_permission
from everlake.attachments.paths import content_path
from everlake.catalog import attachments
from everlake.catalog.attachments import AttachmentRow
from everlake.catalog.database import Catalog
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.errors import ErrorCode, WireError, unavailable
from everlake.logs import logger
from everlake.storage import ObjectMissing, ObjectStore, ObjectUnreadable, StorageError
from everlake.timeouts import run_with_timeout

CHUNK_BYTES = 1024 * 1024
"""Bytes that are read at a time, and held of one answer."""
SEND_TIMEOUT_SECONDS = 60.0
"""For a client to take a piece; one that does not is left."""
_MAX_ID_LENGTH = 128

_Request = Request[Any, Any, Any]
_Headers = dict[str, str]

_log = logger()


@get("/api/v1/attachments/{attachment_id:str}", guards=[require_permission("api:read")])
async def get_attachment(
    request: _Request, services: Services, attachment_id: str
) -> Response[bytes]:
    """One attachment, and how far it is."""
    row = await _find_attachment(request, services, attachment_id)
    return json_response(row.view())


@route(
    "/api/v1/attachments/{attachment_id:str}/content",
    http_method=["GET", "HEAD"],
    guards=[require_permission("api:read")],
)
async def get_content(request: _Request, services: Services, attachment_id: str) -> ASGIApp:
    """The content of an attachment, or a range of it."""
    row = await _find_attachment(request, services, attachment_id)
    if row.status is not AttachmentStatus.COMPLETE or row.sha256 is None or row.size is None:
        raise _content_missing(row)
    path = content_path(row.workspace_id, row.sha256)
    await asyncio.to_thread(_check_content, services.store, path, row.size)
    headers = _content_headers(row)
    asked = request.headers
    if matches_if_none_match(asked.get("if-none-match"), headers["etag"]):
        return _StreamingResponse(304, _not_modified_headers(headers))
    try:
        span = None
        if request.method == "GET" and matches_if_range(asked.get("if-range"), headers["etag"]):
            span = parse_range(asked.get("range"), row.size)
    except RangeNotSatisfiable:
        return _range_not_satisfiable(row.size)
    status = 200 if span is None else 206
    start, end = span or ByteRange(0, row.size)
    headers["content-length"] = str(end - start)
    if span is not None:
        headers["content-range"] = f"bytes {start}-{end - 1}/{row.size}"
    if request.method == "HEAD" or start == end:
        return _StreamingResponse(status, headers)
    pieces = services.store.read(path, start, end, chunk_size=CHUNK_BYTES)
    return _StreamingResponse(status, headers, pieces, end - start)


async def _find_attachment(
    request: _Request, services: Services, attachment_id: str
) -> AttachmentRow:
    workspace_id = api_key_of(request).workspace_id
    return await run_with_timeout(
        services.database_timeout, _read_attachment, services.catalog, workspace_id, attachment_id
    )


def _read_attachment(catalog: Catalog, workspace_id: str, attachment_id: str) -> AttachmentRow:
    row = None
    if len(attachment_id) <= _MAX_ID_LENGTH and attachment_id.isprintable():
        with catalog.snapshot() as tx:
            row = attachments.get(tx, workspace_id, attachment_id)
    if row is None:
        raise WireError(ErrorCode.NOT_FOUND, "There is no such attachment in this key's workspace.")
    return row


def _content_missing(row: AttachmentRow) -> WireError:
    if row.status is AttachmentStatus.FAILED:
        return WireError(
            ErrorCode.NOT_FOUND,
            "This attachment could not be had, so there is no content: error in "
            f"GET /api/v1/attachments/{row.id} says why.",
        )
    return WireError(
        ErrorCode.NOT_FOUND,
        f"The content is not there yet: ask again once GET /api/v1/attachments/{row.id} says "
        "COMPLETE.",
    )


def _check_content(store: ObjectStore, path: str, size: int) -> None:
    """Hold that the content is there, before an answer promises it.

    Raises:
        WireError: ``UNAVAILABLE``; the log says more.
        StorageError: storage as such is away.
    """
    try:
        there = store.size(path)
    except (ObjectMissing, ObjectUnreadable) as error:
        reason = str(error)
    else:
        if there == size:
            return
        reason = f"it has {there} bytes and should have {size}"
    _log.error("stored content cannot be read", path=path, reason=reason)
    raise unavailable("The stored content cannot be read just now. Try again later.")


def _content_headers(row: AttachmentRow) -> _Headers:
    return {
        "content-type": safe_media_type(row.mime_type),
        "content-disposition": content_disposition(row.display_name),
        "etag": f'"{row.sha256}"',
        "accept-ranges": "bytes",
        "cache-control": "private",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
    }


def _range_not_satisfiable(size: int) -> ASGIApp:
    refusal = WireError(
        ErrorCode.RANGE_NOT_SATISFIABLE,
        f"The content has {size:,} bytes, and none of them is in this Range.",
    )
    body = msgspec.json.encode(refusal.body())
    headers = {
        "content-type": JSON,
        "content-length": str(len(body)),
        "content-range": f"bytes */{size}",
    }
    return _StreamingResponse(refusal.status, headers, iter([body]), len(body))


def _not_modified_headers(headers: _Headers) -> _Headers:
    return {name: headers[name] for name in ("etag", "cache-control")}


class _StreamingResponse:
    """An ASGI application that answers with pieces of content, one of them in memory at a time.

    Args:
        status: of the answer.
        headers: in lower case.
        pieces: the content; none where the answer has no body.
        size: of all pieces, in bytes.
    """

    def __init__(
        self, status: int, headers: _Headers, chunks: Iterator[bytes] | None = None, size: int = 0
    ) -> None:
        self._status = status
        self._headers = headers
        self._chunks = chunks
        self._size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Answer. Where not all of it can be sent the connection breaks off before its end."""
        headers = [(name.encode(), value.encode()) for name, value in self._headers.items()]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        if self._chunks is not None:
            left = asyncio.create_task(_wait_for_disconnect(receive))
            try:
                if not await self._stream(self._chunks, send, left):
                    return
            finally:
                left.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _stream(
        self, chunks: Iterator[bytes], send: Send, disconnected: "asyncio.Task[None]"
    ) -> bool:
        """Send the pieces; whether that was all."""
        sent = 0
        try:
            while (data := await asyncio.to_thread(next, chunks, None)) is not None:
                if disconnected.done():
                    return False
                sent += len(data)
                async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        except StorageError as error:
            # Half of the answer is out, and its Content-Length tells that this is not all.
            _log.error("stored content broke off", reason=str(error), sent=sent)
        except TimeoutError:
            _log.info("a client does not take its content", sent=sent)
        return sent == self._size


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
