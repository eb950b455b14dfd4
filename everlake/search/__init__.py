"""Search over what was said."""

from everlake.search.service import SearchHit, SearchHits, search

__all__ = ["SearchHit", "SearchHits", "search"]
