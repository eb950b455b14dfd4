"""``GET /api/v1/search``: who said something like this."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get
from msgspec import UNSET, UnsetType

from everlake.api import query as parameters
from everlake.api.responses import json_response
from everlake.api.services import Services, api_key_of, require_permission
from everlake.contract.envelope import RECORD_TYPES
from everlake.lake import Lake
from everlake.model.utterances import UtteranceFilters
from everlake.search import SearchHit, SearchHits, search

_CURSORS = parameters.CursorCodec("search")
_MAX_QUERY_LENGTH = 1_000
_MAX_ID_LENGTH = 128


class SearchAttachment(msgspec.Struct, rename="camel"):
    """The attachment that an utterance is from."""

    attachment_id: str
    filename: str


class SearchResult(msgspec.Struct, rename="camel", omit_defaults=True):
    """One utterance that answers the query, and the record it is from."""

    record_id: str
    version: int
    batch_id: str
    type: str
    source: str
    event_at: str
    score: float
    ordinal: int
    text: str
    passage: str
    highlights: list[tuple[int, int]]
    speaker: str | UnsetType = UNSET
    role: str | UnsetType = UNSET
    said_at: str | UnsetType = UNSET
    attachment: SearchAttachment | UnsetType = UNSET


class SearchResultPage(msgspec.Struct, rename="camel"):
    """One page of results, best first."""

    results: list[SearchResult]
    next_cursor: str | None


@get("/api/v1/search", guards=[require_permission("api:read")])
async def search_utterances(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """One page of what was said, best answer first."""
    query = request.query_params
    workspace_id = api_key_of(request).workspace_id
    words = parameters.parse_text(query, "q", _MAX_QUERY_LENGTH)
    if words is None:
        parameters.raise_invalid_parameter("q", "is required: the words to search for")
    limit = parameters.parse_page_size(query)
    filters = UtteranceFilters(
        type=parameters.parse_choice(query, "type", RECORD_TYPES),
        source=parameters.parse_text(query, "source", 64),
        project=parameters.parse_text(query, "project", _MAX_ID_LENGTH),
        product=parameters.parse_text(query, "product", _MAX_ID_LENGTH),
        since=parameters.parse_time(query, "since"),
        until=parameters.parse_time(query, "until"),
    )
    offset = int(_CURSORS.decode(workspace_id, query) or 0)
    page = await asyncio.to_thread(
        _run_search, services.lake, workspace_id, words, filters, limit, offset
    )
    following = page.next_offset
    next_cursor = None if following is None else _CURSORS.encode(workspace_id, str(following))
    return json_response(SearchResultPage([_result_of(hit) for hit in page.hits], next_cursor))


def _run_search(
    lake: Lake, workspace_id: str, words: str, filters: UtteranceFilters, limit: int, offset: int
) -> SearchHits:
    try:
        return search(lake, workspace_id, words, filters=filters, limit=limit, offset=offset)
    except ValueError as error:
        parameters.raise_invalid_parameter("q", f"cannot be searched for: {str(error).rstrip('.')}")


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
