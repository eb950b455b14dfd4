"""``/api/v1/ingest/batches/{batchId}/attachments``: how far each is, and another try (ours)."""

import asyncio
from typing import Any

from litestar import Request, Response, get, post

from everlake.api import query as parameters
from everlake.api.middleware import internal_error
from everlake.api.responses import json_response
from everlake.api.routes.batches import get_existing_batch
from everlake.api.services import Services, api_key_of, require_permission
from everlake.catalog import attachments
from everlake.catalog.attachments import AttachmentRow
from everlake.catalog.database import Catalog
from everlake.contract.attachments import AttachmentPage, AttachmentStatus
from everlake.landing.attachments import retry_attachments
from everlake.landing.lines import LandingDamaged
from everlake.logs import logger
from everlake.storage import ObjectMissing
from everlake.timeouts import run_with_timeout

_CURSORS = parameters.CursorCodec("attachments")
_log = logger()
_PATH = "/api/v1/ingest/batches/{batch_id:str}/attachments"


@get(_PATH, guards=[require_permission("api:read", "api:write")])
async def list_batch_attachments(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """One page of the batch's attachments, in the order of its records."""
    query = request.query_params
    workspace_id = api_key_of(request).workspace_id
    limit = parameters.parse_page_size(query)
    status = parameters.parse_choice(query, "status", tuple(AttachmentStatus))
    scope = f"{workspace_id}/{batch_id}"
    rows = await run_with_timeout(
        services.database_timeout,
        _read_page,
        services.catalog,
        workspace_id,
        batch_id,
        limit=limit + 1,
        after=_parse_position(_CURSORS.decode(scope, query)),
        status=None if status is None else AttachmentStatus(status),
    )
    shown = rows[:limit]
    more = len(rows) > limit
    next_cursor = _CURSORS.encode(scope, f"{shown[-1].line}.{shown[-1].place}") if more else None
    return json_response(AttachmentPage([row.view() for row in shown], next_cursor))


@post(f"{_PATH}/retry", guards=[require_permission("api:write")], status_code=200)
async def retry_batch_attachments(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """Try the batch's failed attachments again, and texts that could not be read."""
    batch = await run_with_timeout(
        services.database_timeout,
        get_existing_batch,
        services.catalog,
        api_key_of(request).workspace_id,
        batch_id,
    )
    try:
        retried = await asyncio.to_thread(
            retry_attachments, services.catalog, services.store, batch
        )
    except (LandingDamaged, ObjectMissing) as error:
        _log.error("attachments cannot be listed", batch=batch_id, reason=str(error))
        raise internal_error(request.scope["state"]["request_id"]) from error
    return json_response(retried)


def _read_page(
    catalog: Catalog,
    workspace_id: str,
    batch_id: str,
    *,
    limit: int,
    after: tuple[int, int] | None,
    status: AttachmentStatus | None,
) -> list[AttachmentRow]:
    get_existing_batch(catalog, workspace_id, batch_id)
    with catalog.snapshot() as tx:
        return attachments.page(tx, batch_id, limit=limit, after=after, status=status)


def _parse_position(text: str | None) -> tuple[int, int] | None:
    """Line and place of the last one seen, which a cursor of ours holds."""
    if text is None:
        return None
    line, _, place = text.partition(".")
    return int(line), int(place)
