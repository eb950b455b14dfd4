"""``GET /api/v1/records`` and ``GET /api/v1/records/{recordId}``: records in the lake."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from litestar import Request
from litestar.types import ASGIApp
from msgspec import Raw

from everlake.api.cursors import CursorCodec
from everlake.api.guards import principal_of
from everlake.api.large_responses import large_json_response
from everlake.api.query import parse_parameters
from everlake.api.routing import handles
from everlake.api.services import Services
from everlake.contract import endpoints
from everlake.contract.queries import ListRecordsQuery
from everlake.lake import Lake
from everlake.model.records import RecordFilters, StoredRecord
from everlake.operations import records
from everlake.timeouts import run_lake_call

_CURSORS = CursorCodec("records")

_encode = msgspec.json.Encoder().encode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


@handles(endpoints.LIST_RECORDS)
async def list_records(request: Request[Any, Any, Any], services: Services) -> ASGIApp:
    """Return a page of records, newest arrival first."""
    workspace_id = principal_of(request).workspace_id
    query = parse_parameters(ListRecordsQuery, request.query_params)
    filters = RecordFilters(
        batch=query.batch,
        type=query.type,
        source=query.source,
        project=query.project,
        product=query.product,
        nature=query.nature,
        tag=query.tag,
        participant=query.participant,
        thread=query.thread,
        since=query.since,
        until=query.until,
    )
    position = _CURSORS.decode_numbers(workspace_id, query.cursor, 1)
    before = None if position is None else position[0]
    read = partial(_page_body, services.lake, workspace_id, filters, query.limit, before)
    return await _lake_response(services, read)


@handles(endpoints.GET_RECORD)
async def get_record(
    request: Request[Any, Any, Any], services: Services, record_id: str
) -> ASGIApp:
    """Return the current version of a record, and the batches that brought it, oldest first."""
    workspace_id = principal_of(request).workspace_id
    return await _lake_response(
        services, partial(_history_body, services.lake, workspace_id, record_id)
    )


async def _lake_response(services: Services, read: Callable[[], bytes]) -> ASGIApp:
    return await large_json_response(
        services.response_memory,
        lambda: run_lake_call(services.computing, services.lake_timeout, read),
    )


def _page_body(
    lake: Lake, workspace_id: str, filters: RecordFilters, limit: int, before: int | None
) -> bytes:
    page = records.list_records(lake, workspace_id, filters, limit=limit, before_version=before)
    following = page.next_before
    next_cursor = None if following is None else _CURSORS.encode(workspace_id, str(following))
    bodies = [_record_body(record) for record in page.records]
    return _encode({"records": bodies, "nextCursor": next_cursor})


def _history_body(lake: Lake, workspace_id: str, record_id: str) -> bytes:
    history = records.get_record(lake, workspace_id, record_id)
    return _encode({**_record_body(history.record), "batchIds": history.batch_ids})


def _record_body(record: StoredRecord) -> dict[str, object]:
    """Return the envelope's members as received, ``data`` verbatim, and what Everlake adds."""
    return {
        **_decode_members(record.envelope),
        "data": Raw(record.data),
        "recordId": record.record_id,
        "version": record.version,
        "batchId": record.batch_id,
        "source": record.source,
        "ingestedAt": record.ingested_at,
    }
