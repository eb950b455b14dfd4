"""Batching: long sequences in groups of bounded number and size."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunked(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most ``size``."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def group_by_size(
    items: Iterable[T],
    size_of: Callable[[T], int],
    *,
    max_size: int,
    max_items: int | None = None,
    overshoot: bool = False,
) -> Iterator[list[T]]:
    """Yield the items in groups of bounded total size.

    A group has at least one item, however large that is.

    Args:
        items: what to group, in order.
        size_of: an item's size, in the unit of ``max_size``.
        max_size: total size of a group.
        max_items: number of items of a group; None for no limit.
        overshoot: close a group when it has reached ``max_size``, so that its last item may pass
            the bound; otherwise before an item would pass it.
    """
    group: list[T] = []
    total = 0
    for item in items:
        size = size_of(item)
        if group and not overshoot and total + size > max_size:
            yield group
            group, total = [], 0
        group.append(item)
        total += size
        if (overshoot and total >= max_size) or len(group) == max_items:
            yield group
            group, total = [], 0
    if group:
        yield group


def prefix_within(items: Iterable[T], size_of: Callable[[T], int], *, max_size: int) -> list[T]:
    """Return the longest prefix whose total size is at most ``max_size``; it may be empty."""
    prefix: list[T] = []
    total = 0
    for item in items:
        total += size_of(item)
        if total > max_size:
            break
        prefix.append(item)
    return prefix
