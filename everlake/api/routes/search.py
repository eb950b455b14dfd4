"""``GET /api/v1/search``: who said something like this."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get
from msgspec import UNSET, UnsetType

from everlake.api import parameters
from everlake.api.answers import json_answer
from everlake.api.services import Services, allowed, key_of
from everlake.contract.envelope import RECORD_TYPES
from everlake.lake import Lake, UtteranceFilters
from everlake.search import Hit, SearchPage, search

_CURSORS = parameters.Cursors("search")
_MOST_QUERY = 1_000
_MOST_ID = 128


class AttachmentView(msgspec.Struct, rename="camel"):
    """The attachment that an utterance is from."""

    attachment_id: str
    filename: str


class ResultView(msgspec.Struct, rename="camel", omit_defaults=True):
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
    attachment: AttachmentView | UnsetType = UNSET


class ResultPage(msgspec.Struct, rename="camel"):
    """One page of results, best first."""

    results: list[ResultView]
    next_cursor: str | None


@get("/api/v1/search", guards=[allowed("api:read")])
async def search_utterances(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """One page of what was said, best answer first."""
    query = request.query_params
    workspace_id = key_of(request).workspace_id
    words = parameters.text(query, "q", _MOST_QUERY)
    if words is None:
        parameters.invalid("q", "is required: the words to search for")
    limit = parameters.limit(query)
    filters = UtteranceFilters(
        type=parameters.choice(query, "type", RECORD_TYPES),
        source=parameters.text(query, "source", 64),
        project=parameters.text(query, "project", _MOST_ID),
        product=parameters.text(query, "product", _MOST_ID),
        since=parameters.moment(query, "since"),
        until=parameters.moment(query, "until"),
    )
    offset = int(_CURSORS.read(workspace_id, query) or 0)
    page = await asyncio.to_thread(
        _search, services.lake, workspace_id, words, filters, limit, offset
    )
    following = page.next_offset
    next_cursor = None if following is None else _CURSORS.make(workspace_id, str(following))
    return json_answer(ResultPage([_view(hit) for hit in page.hits], next_cursor))


def _search(
    lake: Lake, workspace_id: str, words: str, filters: UtteranceFilters, limit: int, offset: int
) -> SearchPage:
    try:
        return search(lake, workspace_id, words, filters=filters, limit=limit, offset=offset)
    except ValueError as error:
        parameters.invalid("q", f"cannot be searched for: {str(error).rstrip('.')}")


def _view(hit: Hit) -> ResultView:
    return ResultView(
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
        attachment=_attachment(hit),
    )


def _attachment(hit: Hit) -> AttachmentView | UnsetType:
    if hit.attachment_id is None:
        return UNSET
    return AttachmentView(hit.attachment_id, hit.attachment or hit.attachment_id)
