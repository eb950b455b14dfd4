"""Full-text search for what was said in a workspace's records."""

import msgspec

from everlake.contract.limits import DEFAULT_PAGE_SIZE
from everlake.lake import Lake
from everlake.model.utterances import TextQuery, UtteranceFilters, UtteranceMatch
from everlake.search.passages import best_passage
from everlake.search.query import parse_query


class SearchHit(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance that matches a query.

    Attributes:
        score: BM25 score; only comparable with other hits of the same search.
        passage: the part of ``text`` that matches best, at most 300 characters.
        highlights: [start, end) offsets of the matching words in ``passage``, in code points.
        attachment_id: the attachment whose text it is; None for the record's own text.
        attachment: the attachment's filename.
    """

    score: float
    record_id: str
    version: int
    ordinal: int
    batch_id: str
    type: str
    source: str
    event_at: str
    product_id: str
    project_ids: list[str]
    speaker: str | None
    role: str | None
    said_at: str | None
    text: str
    passage: str
    highlights: list[tuple[int, int]]
    attachment_id: str | None
    attachment: str | None


class SearchHits(msgspec.Struct, frozen=True, kw_only=True):
    """Page of hits, best first. ``next_offset`` is None on the last page."""

    hits: list[SearchHit]
    next_offset: int | None


def search(
    lake: Lake,
    workspace_id: str,
    query: str,
    *,
    filters: UtteranceFilters = UtteranceFilters(),  # noqa: B008  (frozen)
    limit: int = DEFAULT_PAGE_SIZE,
    offset: int = 0,
) -> SearchHits:
    """Return utterances with any of the query's words and all of its ``"exact phrases"``.

    Words are compared by stem, without case and accents. Only current versions of records are
    found, including those that are not indexed yet.

    Args:
        lake: the lake.
        workspace_id: the workspace.
        query: free text; see :func:`everlake.search.query.parse_query`.
        filters: restrictions of the utterances.
        limit: hits of a page at most.
        offset: hits to skip.

    Raises:
        ValueError: the query, a filter or the paging is invalid; the message says why.
        LakeUnavailable: the tables cannot be read now.
        LakeDamaged: a table is damaged.
    """
    parsed = parse_query(query)
    found, more = lake.utterances.find(workspace_id, parsed, filters, limit=limit, offset=offset)
    return SearchHits(
        hits=[_hit_of(one, parsed) for one in found], next_offset=offset + limit if more else None
    )


def _hit_of(found: UtteranceMatch, query: TextQuery) -> SearchHit:
    passage = best_passage(found.text, query)
    return SearchHit(
        score=found.score,
        record_id=found.record_id,
        version=found.version,
        ordinal=found.ordinal,
        batch_id=found.batch_id,
        type=found.record_type,
        source=found.source,
        event_at=found.event_at,
        product_id=found.product_id,
        project_ids=found.project_ids,
        speaker=found.speaker,
        role=found.role,
        said_at=found.said_at,
        text=found.text,
        passage=passage.text,
        highlights=passage.highlights,
        attachment_id=found.attachment_id,
        attachment=found.attachment,
    )
