"""Search for what was said in a workspace's records and attachments."""

from everlake.lake import Lake
from everlake.model.utterances import UtteranceFilters
from everlake.operations.errors import InvalidInput
from everlake.search import SearchHits, search


def search_utterances(
    lake: Lake,
    workspace_id: str,
    query: str,
    *,
    filters: UtteranceFilters = UtteranceFilters(),  # noqa: B008  (frozen)
    limit: int,
    offset: int = 0,
) -> SearchHits:
    """Return a page of utterances that match a query, best match first.

    Args:
        query: words, of which at least one must occur, and ``"exact phrases"``, of which each must.
        filters: where to search.
        limit: size of the page.
        offset: ``next_offset`` of the page before.

    Raises:
        InvalidInput: the query has no word to look for, or a text is not valid Unicode.
        LakeUnavailable: the tables cannot be read now.
        LakeDamaged: a table is damaged.
    """
    try:
        return search(lake, workspace_id, query, filters=filters, limit=limit, offset=offset)
    except ValueError as error:
        raise InvalidInput(str(error)) from error
