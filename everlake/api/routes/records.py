"""``GET /api/v1/records`` and one of them: what is in the lake."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get
from msgspec import Raw

from everlake.api import query as parameters
from everlake.api.responses import json_response
from everlake.api.services import Services, api_key_of, require_permission
from everlake.contract.envelope import RECORD_TYPES
from everlake.contract.errors import ErrorCode, WireError
from everlake.lake import Lake
from everlake.model.records import RecordFilters, RecordPage, StoredRecord

NATURES = ("evidence", "guidance", "context")

_CURSORS = parameters.CursorCodec("records")
_MAX_ID_LENGTH = 128

_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


@get("/api/v1/records", guards=[require_permission("api:read")])
async def list_records(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """One page of records, newest arrival first."""
    query = request.query_params
    workspace_id = api_key_of(request).workspace_id
    limit = parameters.parse_page_size(query)
    filters = RecordFilters(
        batch=parameters.parse_text(query, "batch", _MAX_ID_LENGTH),
        type=parameters.parse_choice(query, "type", RECORD_TYPES),
        source=parameters.parse_text(query, "source", 64),
        project=parameters.parse_text(query, "project", _MAX_ID_LENGTH),
        product=parameters.parse_text(query, "product", _MAX_ID_LENGTH),
        nature=parameters.parse_choice(query, "nature", NATURES),
        tag=parameters.parse_text(query, "tag", 64),
        participant=parameters.parse_text(query, "participant", 256),
        thread=parameters.parse_text(query, "thread", 512),
        since=parameters.parse_time(query, "since"),
        until=parameters.parse_time(query, "until"),
    )
    cursor = _CURSORS.decode(workspace_id, query)
    before = None if cursor is None else int(cursor)
    page = await asyncio.to_thread(_read_page, services.lake, workspace_id, filters, limit, before)
    following = page.next_before
    next_cursor = None if following is None else _CURSORS.encode(workspace_id, str(following))
    body = {"records": [_record_body(record) for record in page.records], "nextCursor": next_cursor}
    return json_response(body)


@get("/api/v1/records/{record_id:str}", guards=[require_permission("api:read")])
async def get_record(
    request: Request[Any, Any, Any], services: Services, record_id: str
) -> Response[bytes]:
    """The current version of one record, and the batches that wrote it, oldest first."""
    workspace_id = api_key_of(request).workspace_id
    found = await asyncio.to_thread(_read_record, services.lake, workspace_id, record_id)
    if found is None:
        raise WireError(ErrorCode.NOT_FOUND, "There is no such record in this key's workspace.")
    record, batch_ids = found
    return json_response({**_record_body(record), "batchIds": batch_ids})


def _read_page(
    lake: Lake, workspace_id: str, filters: RecordFilters, limit: int, before: int | None
) -> RecordPage:
    return lake.records.page(workspace_id, filters, limit=limit, before_version=before)


def _read_record(
    lake: Lake, workspace_id: str, record_id: str
) -> tuple[StoredRecord, list[str]] | None:
    record = lake.records.get(workspace_id, record_id)
    if record is None:
        return None
    batch_ids = [batch_id for _, batch_id in lake.arrivals.batches_of_record(workspace_id, record_id)]
    return record, list(dict.fromkeys(batch_ids))


def _record_body(record: StoredRecord) -> dict[str, object]:
    """The envelope's members as they came, ``data`` verbatim, and what Everlake knows beside."""
    return {
        **_decode_members(record.envelope),
        "data": Raw(record.data),
        "recordId": record.record_id,
        "version": record.version,
        "batchId": record.batch_id,
        "source": record.source,
        "ingestedAt": record.ingested_at,
    }
