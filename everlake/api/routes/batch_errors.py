"""``GET /api/v1/ingest/batches/{batchId}/errors``: refused records with all of their errors."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get

from everlake.api import parameters
from everlake.api.answers import json_answer
from everlake.api.routes.batches import batch_of
from everlake.api.services import Services, allowed, key_of
from everlake.catalog.batches import BatchRow
from everlake.catalog.engine import Catalog
from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.refused import RefusedPage
from everlake.ingest.asking import ask
from everlake.landing.lines import LandingDamaged
from everlake.landing.refused import Position, checksum_of, read_page
from everlake.logs import logger
from everlake.storage import ObjectMissing, ObjectStore

_CURSORS = parameters.Cursors("errors")
_POSITION = re.compile(r"(\d{1,18})(?:@(\d{1,9}))?", re.ASCII)

_log = logger()


@get("/api/v1/ingest/batches/{batch_id:str}/errors", guards=[allowed("api:read", "api:write")])
async def list_batch_errors(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> Response[bytes]:
    """One page of the batch's refused records, by index."""
    query = request.query_params
    limit = parameters.limit(query)
    row = await ask(
        services.patience, batch_of, services.catalog, key_of(request).workspace_id, batch_id
    )
    if row.refused_are_gone:
        raise _gone()
    try:
        page = await asyncio.to_thread(_page, services.store, row, query, limit)
    except (LandingDamaged, ObjectMissing) as error:
        if (await ask(services.patience, _read_again, services.catalog, row)).refused_are_gone:
            raise _gone() from error
        # No later try can mend that, and its message names places on our disks.
        _log.error("refused records cannot be read", batch=batch_id, reason=str(error))
        raise WireError(
            ErrorCode.INTERNAL_ERROR,
            "The refused records of this batch are lost or damaged. The log has more under "
            f"request id {request.scope['state']['request_id']}.",
        ) from error
    return json_answer(page)


def _read_again(catalog: Catalog, row: BatchRow) -> BatchRow:
    return batch_of(catalog, row.workspace_id, row.id)


def _gone() -> WireError:
    return WireError(
        ErrorCode.NOT_FOUND,
        "The refused records of this batch were deleted after the time that this server keeps "
        "them. The batch itself has their number and the first errors.",
    )


def _page(store: ObjectStore, row: BatchRow, query: Mapping[str, str], limit: int) -> RefusedPage:
    blob = None if row.rejected_path is None else store.get(row.rejected_path)
    # A place in one object is none in another, nor in this one once it was written anew.
    checksum = "" if blob is None else checksum_of(blob).hex()
    scope = f"{row.workspace_id}/{row.id}/{checksum}"
    start = _position(_CURSORS.read(scope, query))
    if blob is None:
        return RefusedPage([], None)
    records, following = read_page(blob, start, limit=limit)
    if following is None:
        return RefusedPage(records, None)
    place = str(following.offset)
    if following.index is not None:
        place += f"@{following.index}"
    return RefusedPage(records, _CURSORS.make(scope, place))


def _position(text: str | None) -> Position:
    if text is None:
        return Position()
    found = _POSITION.fullmatch(text)
    if found is None:
        parameters.invalid("cursor", "must be the nextCursor of an earlier page of this list")
    return Position(int(found[1]), None if found[2] is None else int(found[2]))
