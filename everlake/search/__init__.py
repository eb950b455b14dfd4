"""Full-text search for what was said: queries, hits and passages."""

from everlake.search.service import SearchHit, SearchHits, search

__all__ = ["SearchHit", "SearchHits", "search"]
