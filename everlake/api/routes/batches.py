"""``/api/v1/ingest/batches``: listing batches, one of them, and retrying a failed one."""

from typing import Any

from litestar import Request, Response

from everlake.api.cursors import CursorCodec
from everlake.api.guards import principal_of
from everlake.api.query import parse_parameters
from everlake.api.responses import json_response
from everlake.api.routing import handles
from everlake.api.services import Services
from everlake.contract import endpoints
from everlake.contract.batches import BatchPage
from everlake.contract.queries import ListBatchesQuery
from everlake.operations import batches
from everlake.operations.batches import BatchFilters
from everlake.timeouts import run_with_timeout

_CURSORS = CursorCodec("batches")


@handles(endpoints.LIST_BATCHES)
async def list_batches(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """Return a page of batches, newest first."""
    workspace_id = principal_of(request).workspace_id
    query = parse_parameters(ListBatchesQuery, request.query_params)
    page = await run_with_timeout(
        services.database_timeout,
        batches.list_batches,
        services.catalog,
        workspace_id,
        limit=query.limit,
        before=_CURSORS.decode(workspace_id, query.cursor),
        filters=BatchFilters(status=query.status, type=query.type, source=query.source),
    )
    next_cursor = _CURSORS.encode(workspace_id, page.items[-1].id) if page.has_more else None
    return json_response(BatchPage([batch.view() for batch in page.items], next_cursor))


@handles(endpoints.GET_BATCH)
async def get_batch(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """Return a batch's status and counts."""
    workspace_id = principal_of(request).workspace_id
    batch = await run_with_timeout(
        services.database_timeout, batches.get_batch, services.catalog, workspace_id, batch_id
    )
    return json_response(batch.view())


@handles(endpoints.RETRY_BATCH)
async def retry_batch(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """Resume a failed batch at the stage that failed; leave any other batch as it is."""
    workspace_id = principal_of(request).workspace_id
    retried = await run_with_timeout(
        services.database_timeout, batches.retry_batch, services.catalog, workspace_id, batch_id
    )
    return json_response(retried.batch.view())
