"""``/api/v1/ingest/batches``: listing them, one of them (contract), and a retry (ours)."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post

from everlake.api import query as parameters
from everlake.api.responses import json_response
from everlake.api.services import Services, api_key_of, require_permission
from everlake.catalog import batch_queue, batches
from everlake.catalog.batches import BatchRow
from everlake.catalog.database import Catalog
from everlake.contract.batches import BatchPage, BatchStatus
from everlake.contract.envelope import RECORD_TYPES
from everlake.contract.errors import ErrorCode, WireError
from everlake.timeouts import run_with_timeout

_CURSORS = parameters.CursorCodec("batches")
_MAX_SOURCE_LENGTH = 64


@get("/api/v1/ingest/batches", guards=[require_permission("api:read", "api:write")])
async def list_batches(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """One page of batches, newest first."""
    query = request.query_params
    workspace_id = api_key_of(request).workspace_id
    status = parameters.parse_choice(query, "status", tuple(BatchStatus))
    limit = parameters.parse_page_size(query)
    rows = await run_with_timeout(
        services.database_timeout,
        _read_page,
        services.catalog,
        workspace_id,
        limit=limit + 1,
        before=_CURSORS.decode(workspace_id, query),
        status=None if status is None else BatchStatus(status),
        record_type=parameters.parse_choice(query, "type", RECORD_TYPES),
        source=parameters.parse_text(query, "source", _MAX_SOURCE_LENGTH),
    )
    shown = rows[:limit]
    more = len(rows) > limit
    next_cursor = _CURSORS.encode(workspace_id, shown[-1].id) if more else None
    return json_response(BatchPage([row.view() for row in shown], next_cursor))


@get("/api/v1/ingest/batches/{batch_id:str}", guards=[require_permission("api:read", "api:write")])
async def get_batch(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """One batch's status and counts."""
    workspace_id = api_key_of(request).workspace_id
    row = await run_with_timeout(
        services.database_timeout, get_existing_batch, services.catalog, workspace_id, batch_id
    )
    return json_response(row.view())


@post(
    "/api/v1/ingest/batches/{batch_id:str}/retry",
    guards=[require_permission("api:write")],
    status_code=200,
)
async def retry_batch(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """Send a failed batch on from where it was; leave any other as it is."""
    workspace_id = api_key_of(request).workspace_id
    row = await run_with_timeout(
        services.database_timeout, _retry_failed, services.catalog, workspace_id, batch_id
    )
    return json_response(row.view())


def get_existing_batch(catalog: Catalog, workspace_id: str, batch_id: str) -> BatchRow:
    """The workspace's batch.

    Raises:
        WireError: ``NOT_FOUND``.
    """
    with catalog.snapshot() as tx:
        row = batches.get(tx, workspace_id, batch_id)
    if row is None:
        raise WireError(ErrorCode.NOT_FOUND, "There is no such batch in this key's workspace.")
    return row


def _read_page(
    catalog: Catalog,
    workspace_id: str,
    *,
    limit: int,
    before: str | None,
    status: BatchStatus | None,
    record_type: str | None,
    source: str | None,
) -> list[BatchRow]:
    with catalog.snapshot() as tx:
        return batches.page(
            tx,
            workspace_id,
            limit=limit,
            before=before,
            status=status,
            type=record_type,
            source=source,
        )


def _retry_failed(catalog: Catalog, workspace_id: str, batch_id: str) -> BatchRow:
    row = get_existing_batch(catalog, workspace_id, batch_id)
    if row.status is not BatchStatus.FAILED:
        # Whoever asks again because an answer was lost gets that answer.
        return row
    if not row.accepted:
        raise _nothing_to_retry(row)
    with catalog.transaction() as tx:
        batch_queue.retry_failed(tx, workspace_id, batch_id, now=catalog.now_ms())
    return get_existing_batch(catalog, workspace_id, batch_id)


def _nothing_to_retry(row: BatchRow) -> WireError:
    return WireError(
        ErrorCode.ALL_RECORDS_REJECTED,
        "Every record of this batch was refused, so there is nothing to try again: correct the "
        "records and send them anew.",
        details={
            "batchId": row.id,
            "rejectedCount": row.rejected,
            "totalErrorCount": row.total_errors,
            "errors": msgspec.to_builtins(row.errors),
        },
    )
