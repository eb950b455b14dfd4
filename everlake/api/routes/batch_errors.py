"""``GET /api/v1/ingest/batches/{batchId}/errors``: rejected records with all of their errors."""

import re
from typing import Any

import msgspec
from litestar import Request
from litestar.types import ASGIApp

from everlake.api.cursors import CursorCodec, raise_invalid_cursor
from everlake.api.guards import principal_of
from everlake.api.large_responses import large_json_response
from everlake.api.query import parse_parameters
from everlake.api.routing import handles
from everlake.api.services import Services
from everlake.contract import endpoints
from everlake.contract.queries import PageQuery
from everlake.contract.rejected_records import RejectedPage
from everlake.model.batches import BatchRow
from everlake.operations.batches import get_batch
from everlake.operations.rejected_records import RejectedPosition, open_rejected_records
from everlake.timeouts import run_storage_call, run_with_timeout

_CURSORS = CursorCodec("errors")
_POSITION = re.compile(r"(\d{1,18})(?:@(\d{1,9}))?", re.ASCII)

_encode = msgspec.json.Encoder().encode


@handles(endpoints.LIST_BATCH_ERRORS)
async def list_batch_errors(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> ASGIApp:
    """Return a page of the batch's rejected records, by index."""
    query = parse_parameters(PageQuery, request.query_params)
    workspace_id = principal_of(request).workspace_id
    batch = await run_with_timeout(
        services.database_timeout, get_batch, services.catalog, workspace_id, batch_id
    )
    return await large_json_response(
        services.response_memory,
        lambda: run_storage_call(services.storage_timeout, _page_body, services, batch, query),
    )


def _page_body(services: Services, batch: BatchRow, query: PageQuery) -> bytes:
    return _encode(_read_page(services, batch, query))


def _read_page(services: Services, batch: BatchRow, query: PageQuery) -> RejectedPage:
    rejected = open_rejected_records(services.catalog, services.store, batch)
    # A position is valid for one object, and no longer once that is written anew.
    checksum = "" if rejected is None else rejected.checksum
    scope = f"{batch.workspace_id}/{batch.id}/{checksum}"
    start = _parse_position(_CURSORS.decode(scope, query.cursor))
    if rejected is None:
        return RejectedPage([], None)
    records, following = rejected.page(start, limit=query.limit)
    if following is None:
        return RejectedPage(records, None)
    return RejectedPage(records, _CURSORS.encode(scope, _format_position(following)))


def _format_position(position: RejectedPosition) -> str:
    if position.index is None:
        return str(position.offset)
    return f"{position.offset}@{position.index}"


def _parse_position(text: str | None) -> RejectedPosition:
    if text is None:
        return RejectedPosition()
    found = _POSITION.fullmatch(text)
    if found is None:
        raise_invalid_cursor()
    return RejectedPosition(int(found[1]), None if found[2] is None else int(found[2]))
