"""``GET /api/v1/search``: full-text search for what was said."""

from typing import Any

from litestar import Request, Response
from msgspec import UNSET, UnsetType

from everlake.api.cursors import CursorCodec
from everlake.api.guards import principal_of
from everlake.api.query import parse_parameters, raise_invalid_parameter
from everlake.api.responses import json_response
from everlake.api.routing import handles
from everlake.api.services import Services
from everlake.contract import endpoints
from everlake.contract.queries import SearchQuery
from everlake.contract.search import SearchAttachment, SearchPage, SearchResult
from everlake.model.utterances import UtteranceFilters
from everlake.operations import search
from everlake.operations.errors import InvalidInput
from everlake.search import SearchHit
from everlake.timeouts import run_lake_call

_CURSORS = CursorCodec("search")


@handles(endpoints.SEARCH)
async def search_utterances(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """Return a page of utterances that match the query, best match first."""
    workspace_id = principal_of(request).workspace_id
    query = parse_parameters(SearchQuery, request.query_params)
    filters = UtteranceFilters(
        type=query.type,
        source=query.source,
        project=query.project,
        product=query.product,
        since=query.since,
        until=query.until,
    )
    (offset,) = _CURSORS.decode_numbers(workspace_id, query.cursor, 1) or (0,)
    try:
        hits = await run_lake_call(
            services.computing,
            services.lake_timeout,
            search.search_utterances,
            services.lake,
            workspace_id,
            query.q,
            filters=filters,
            limit=query.limit,
            offset=offset,
        )
    except InvalidInput as error:
        raise_invalid_parameter("q", f"cannot be searched for: {str(error).rstrip('.')}")
    following = hits.next_offset
    next_cursor = None if following is None else _CURSORS.encode(workspace_id, str(following))
    return json_response(SearchPage([_result_of(hit) for hit in hits.hits], next_cursor))


def _result_of(hit: SearchHit) -> SearchResult:
    return SearchResult(
        record_id=hit.record_id,
        version=hit.version,
        batch_id=hit.batch_id,
        type=hit.type,
        source=hit.source,
        event_at=hit.event_at,
        score=hit.score,
        ordinal=hit.ordinal,
        text=hit.text,
        passage=hit.passage,
        highlights=hit.highlights,
        speaker=UNSET if hit.speaker is None else hit.speaker,
        role=UNSET if hit.role is None else hit.role,
        said_at=UNSET if hit.said_at is None else hit.said_at,
        attachment=_attachment_of_hit(hit),
    )


def _attachment_of_hit(hit: SearchHit) -> SearchAttachment | UnsetType:
    if hit.attachment_id is None:
        return UNSET
    return SearchAttachment(hit.attachment_id, hit.attachment or hit.attachment_id)
