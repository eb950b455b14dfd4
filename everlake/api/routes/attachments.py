"""``GET /api/v1/attachments/{attachmentId}`` and its content."""

from typing import Any

from litestar import Request, Response
from litestar.types import ASGIApp

from everlake.api.download_headers import content_headers
from everlake.api.guards import principal_of
from everlake.api.range_requests import (
    ByteRange,
    matches_if_none_match,
    matches_if_range,
    parse_range,
)
from everlake.api.responses import json_response
from everlake.api.routing import handles
from everlake.api.services import Services
from everlake.api.streaming import StreamingResponse
from everlake.catalog.attachments import AttachmentRow
from everlake.contract import endpoints
from everlake.operations import attachments
from everlake.timeouts import run_storage_call, run_with_timeout

CHUNK_BYTES = 1024 * 1024
"""Bytes of a content that are read and held in memory at a time."""

_Request = Request[Any, Any, Any]


@handles(endpoints.GET_ATTACHMENT)
async def get_attachment(
    request: _Request, services: Services, attachment_id: str
) -> Response[bytes]:
    """Return an attachment and its progress."""
    attachment = await _find_attachment(request, services, attachment_id)
    return json_response(attachment.view())


@handles(endpoints.GET_ATTACHMENT_CONTENT, head=True)
async def get_content(request: _Request, services: Services, attachment_id: str) -> ASGIApp:
    """Return the content of an attachment, or a range of it (RFC 9110, 13 and 14)."""
    attachment = await _find_attachment(request, services, attachment_id)
    content = await run_storage_call(
        services.storage_timeout, attachments.open_content, services.store, attachment
    )
    headers = content_headers(
        mime_type=attachment.mime_type, name=attachment.display_name, sha256=content.sha256
    )
    if matches_if_none_match(request.headers.get("if-none-match"), headers["etag"]):
        return StreamingResponse(304, {name: headers[name] for name in ("etag", "cache-control")})
    requested = _requested_range(request, content.size, headers["etag"])
    start, end = requested or ByteRange(0, content.size)
    headers["content-length"] = str(end - start)
    if requested is not None:
        headers["content-range"] = f"bytes {start}-{end - 1}/{content.size}"
    status = 200 if requested is None else 206
    if request.method == "HEAD" or start == end:
        return StreamingResponse(status, headers)
    return StreamingResponse(
        status,
        headers,
        attachments.read_content(services.store, content, start, end, chunk_bytes=CHUNK_BYTES),
        size=end - start,
        read_timeout=services.storage_timeout,
    )


async def _find_attachment(
    request: _Request, services: Services, attachment_id: str
) -> AttachmentRow:
    return await run_with_timeout(
        services.database_timeout,
        attachments.get_attachment,
        services.catalog,
        principal_of(request).workspace_id,
        attachment_id,
    )


def _requested_range(request: _Request, size: int, etag: str) -> ByteRange | None:
    """Return the range that is asked for; None for the whole content.

    Raises:
        RangeNotSatisfiable: no byte of the content is in it.
    """
    if request.method != "GET" or not matches_if_range(request.headers.get("if-range"), etag):
        return None
    return parse_range(request.headers.get("range"), size)
