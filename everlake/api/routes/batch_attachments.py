"""``/api/v1/ingest/batches/{batchId}/attachments``: their progress, and retrying failed ones."""

from typing import Any

from litestar import Request, Response

from everlake.api.cursors import CursorCodec
from everlake.api.guards import principal_of
from everlake.api.query import parse_parameters
from everlake.api.responses import json_response
from everlake.api.routing import handles
from everlake.api.services import Services
from everlake.contract import endpoints
from everlake.contract.attachments import AttachmentPage
from everlake.contract.queries import ListBatchAttachmentsQuery
from everlake.operations import attachments
from everlake.timeouts import run_storage_call, run_with_timeout

_CURSORS = CursorCodec("attachments")


@handles(endpoints.LIST_BATCH_ATTACHMENTS)
async def list_batch_attachments(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """Return a page of the batch's attachments, in the order of its records."""
    workspace_id = principal_of(request).workspace_id
    query = parse_parameters(ListBatchAttachmentsQuery, request.query_params)
    scope = f"{workspace_id}/{batch_id}"
    page = await run_with_timeout(
        services.database_timeout,
        attachments.list_batch_attachments,
        services.catalog,
        workspace_id,
        batch_id,
        limit=query.limit,
        after=_position_of(scope, query.cursor),
        status=query.status,
    )
    next_cursor = None
    if page.has_more:
        last = page.items[-1]
        next_cursor = _CURSORS.encode(scope, f"{last.line}.{last.place}")
    return json_response(AttachmentPage([row.view() for row in page.items], next_cursor))


@handles(endpoints.RETRY_BATCH_ATTACHMENTS)
async def retry_batch_attachments(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """Let failed attachments be fetched again, and failed texts be extracted again.

    After a 503 some may have been retried; the next request retries the others.
    """
    retried = await run_storage_call(
        services.storage_timeout,
        attachments.retry_batch_attachments,
        services.catalog,
        services.store,
        principal_of(request).workspace_id,
        batch_id,
    )
    return json_response(retried)


def _position_of(scope: str, cursor: str | None) -> tuple[int, int] | None:
    """Return the line and the place that a cursor stands for."""
    position = _CURSORS.decode_numbers(scope, cursor, 2)
    return None if position is None else (position[0], position[1])
