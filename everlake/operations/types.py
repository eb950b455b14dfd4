"""Types that operations share."""

from typing import Generic, TypeVar

import msgspec

_T = TypeVar("_T")


class Page(msgspec.Struct, Generic[_T], frozen=True):
    """Part of a list.

    Attributes:
        items: in the order of the list.
        has_more: whether the list goes on after them.
    """

    items: list[_T]
    has_more: bool


def cut_page(rows: list[_T], limit: int | None) -> Page[_T]:
    """Return the first ``limit`` rows as a page.

    Args:
        rows: read with a limit of :func:`rows_to_read`.
        limit: size of the page; None for the whole list.
    """
    if limit is None:
        return Page(rows, has_more=False)
    return Page(rows[:limit], len(rows) > limit)


def rows_to_read(limit: int | None) -> int | None:
    """Return how many rows to read for a page: one more tells whether the list goes on."""
    return None if limit is None else limit + 1
