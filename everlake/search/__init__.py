"""Search over what was said."""

from everlake.search.hits import Hit, SearchPage, search

__all__ = ["Hit", "SearchPage", "search"]
