"""``/api/v1/ingest/batches``: listing them, one of them (contract), and a retry (ours)."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post

from everlake.api import parameters
from everlake.api.answers import json_answer
from everlake.api.services import Services, allowed, key_of
from everlake.catalog import batches, queue
from everlake.catalog.batches import BatchRow
from everlake.catalog.engine import Catalog
from everlake.contract.batch import BatchPage, BatchStatus
from everlake.contract.envelope import RECORD_TYPES
from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest.asking import ask

_CURSORS = parameters.Cursors("batches")
_MOST_SOURCE = 64


@get("/api/v1/ingest/batches", guards=[allowed("api:read", "api:write")])
async def list_batches(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """One page of batches, newest first."""
    query = request.query_params
    workspace_id = key_of(request).workspace_id
    status = parameters.choice(query, "status", tuple(BatchStatus))
    limit = parameters.limit(query)
    rows = await ask(
        services.patience,
        _page,
        services.catalog,
        workspace_id,
        limit=limit + 1,
        before=_CURSORS.read(workspace_id, query),
        status=None if status is None else BatchStatus(status),
        record_type=parameters.choice(query, "type", RECORD_TYPES),
        source=parameters.text(query, "source", _MOST_SOURCE),
    )
    shown = rows[:limit]
    more = len(rows) > limit
    next_cursor = _CURSORS.make(workspace_id, shown[-1].id) if more else None
    return json_answer(BatchPage([row.view() for row in shown], next_cursor))


@get("/api/v1/ingest/batches/{batch_id:str}", guards=[allowed("api:read", "api:write")])
async def get_batch(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """One batch's status and counts."""
    workspace_id = key_of(request).workspace_id
    row = await ask(services.patience, batch_of, services.catalog, workspace_id, batch_id)
    return json_answer(row.view())


@post(
    "/api/v1/ingest/batches/{batch_id:str}/retry",
    guards=[allowed("api:write")],
    status_code=200,
)
async def retry_batch(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """Send a failed batch on from where it was; leave any other as it is."""
    workspace_id = key_of(request).workspace_id
    row = await ask(services.patience, _retry, services.catalog, workspace_id, batch_id)
    return json_answer(row.view())


def batch_of(catalog: Catalog, workspace_id: str, batch_id: str) -> BatchRow:
    """The workspace's batch.

    Raises:
        WireError: ``NOT_FOUND``.
    """
    with catalog.read() as tx:
        row = batches.get(tx, workspace_id, batch_id)
    if row is None:
        raise WireError(ErrorCode.NOT_FOUND, "There is no such batch in this key's workspace.")
    return row


def _page(
    catalog: Catalog,
    workspace_id: str,
    *,
    limit: int,
    before: str | None,
    status: BatchStatus | None,
    record_type: str | None,
    source: str | None,
) -> list[BatchRow]:
    with catalog.read() as tx:
        return batches.page(
            tx,
            workspace_id,
            limit=limit,
            before=before,
            status=status,
            type=record_type,
            source=source,
        )


def _retry(catalog: Catalog, workspace_id: str, batch_id: str) -> BatchRow:
    row = batch_of(catalog, workspace_id, batch_id)
    if row.status is not BatchStatus.FAILED:
        # Whoever asks again because an answer was lost gets that answer.
        return row
    if not row.accepted:
        raise _nothing_to_retry(row)
    with catalog.write() as tx:
        queue.retry(tx, workspace_id, batch_id, now=catalog.now_ms())
    return batch_of(catalog, workspace_id, batch_id)


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
