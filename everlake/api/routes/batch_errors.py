"""``GET /api/v1/ingest/batches/{batchId}/errors``: refused records with all of their errors."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get

from everlake.api import query as parameters
from everlake.api.responses import json_response
from everlake.api.routes.batches import get_existing_batch
from everlake.api.services import Services, api_key_of, require_permission
from everlake.catalog.batches import BatchRow
from everlake.catalog.database import Catalog
from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.rejected_records import RefusedPage
from everlake.landing.lines import LandingDamaged
from everlake.landing.rejected import RejectedPosition, checksum_of, read_rejected_page
from everlake.logs import logger
from everlake.storage import ObjectMissing, ObjectStore
from everlake.timeouts import run_with_timeout

_CURSORS = parameters.CursorCodec("errors")
_POSITION = re.compile(r"(\d{1,18})(?:@(\d{1,9}))?", re.ASCII)

_log = logger()


@get(
    "/api/v1/ingest/batches/{batch_id:str}/errors",
    guards=[require_permission("api:read", "api:write")],
)
async def list_batch_errors(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """One page of the batch's refused records, by index."""
    query = request.query_params
    limit = parameters.parse_page_size(query)
    row = await run_with_timeout(
        services.database_timeout,
        get_existing_batch,
        services.catalog,
        api_key_of(request).workspace_id,
        batch_id,
    )
    if row.rejected_records_deleted:
        raise _expired()
    try:
        page = await asyncio.to_thread(_read_page, services.store, row, query, limit)
    except (LandingDamaged, ObjectMissing) as error:
        if (
            await run_with_timeout(services.database_timeout, _reload, services.catalog, row)
        ).rejected_records_deleted:
            raise _expired() from error
        # No later try can mend that, and its message names places on our disks.
        _log.error("refused records cannot be read", batch=batch_id, reason=str(error))
        raise WireError(
            ErrorCode.INTERNAL_ERROR,
            "The refused records of this batch are lost or damaged. The log has more under "
            f"request id {request.scope['state']['request_id']}.",
        ) from error
    return json_response(page)


def _reload(catalog: Catalog, row: BatchRow) -> BatchRow:
    return get_existing_batch(catalog, row.workspace_id, row.id)


def _expired() -> WireError:
    return WireError(
        ErrorCode.NOT_FOUND,
        "The refused records of this batch were deleted after the time that this server keeps "
        "them. The batch itself has their number and the first errors.",
    )


def _read_page(
    store: ObjectStore, row: BatchRow, query: Mapping[str, str], limit: int
) -> RefusedPage:
    blob = None if row.rejected_path is None else store.get(row.rejected_path)
    # A place in one object is none in another, nor in this one once it was written anew.
    checksum = "" if blob is None else checksum_of(blob).hex()
    scope = f"{row.workspace_id}/{row.id}/{checksum}"
    start = _parse_position(_CURSORS.decode(scope, query))
    if blob is None:
        return RefusedPage([], None)
    records, following = read_rejected_page(blob, start, limit=limit)
    if following is None:
        return RefusedPage(records, None)
    place = str(following.offset)
    if following.index is not None:
        place += f"@{following.index}"
    return RefusedPage(records, _CURSORS.encode(scope, place))


def _parse_position(text: str | None) -> RejectedPosition:
    if text is None:
        return RejectedPosition()
    found = _POSITION.fullmatch(text)
    if found is None:
        parameters.raise_invalid_parameter(
            "cursor", "must be the nextCursor of an earlier page of this list"
        )
    return RejectedPosition(int(found[1]), None if found[2] is None else int(found[2]))
