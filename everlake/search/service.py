"""Search over what was said in a workspace's records."""

import msgspec

from everlake.lake import Lake
from everlake.model.utterances import TextQuery, UtteranceFilters, UtteranceMatch
from everlake.search.passages import best_passage
from everlake.search.query import parse_query


class SearchHit(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance that answers the query. ``score`` is BM25, of use only beside other hits.

    ``passage`` is the part of ``text`` that answers it, at most 300 characters; ``highlights``
    are [start, end) offsets in it, in characters (code points). ``attachment_id`` and
    ``attachment`` (its name) tell the attachment whose text it is; None where the record itself
    says it.
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
    """Hits, best first. ``next_offset`` is null when there is no more."""

    hits: list[SearchHit]
    next_offset: int | None


def search(
    lake: Lake,
    workspace_id: str,
    query: str,
    *,
    filters: UtteranceFilters = UtteranceFilters(),  # noqa: B008  (frozen)
    limit: int = 20,
    offset: int = 0,
) -> SearchHits:
    """Utterances with any of the query's words and all of its ``"exact phrases"``.

    Words are compared by stem, without case and accents. Only current versions of records are
    found, whether or not the index has them yet.

    Raises:
        ValueError: the query, a filter or the paging cannot be used; the message says why.
        LakeUnavailable, LakeDamaged
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
