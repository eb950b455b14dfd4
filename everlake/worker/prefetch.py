"""Prefetching: produces the next item in a thread while the current one is used."""

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_END = object()


def prefetch(items: Iterable[T]) -> Generator[T]:
    """Yield ``items`` in order; each is produced in a thread while the one before is used.

    At most two items exist at a time. An error that producing an item raises is raised in its
    place.
    """
    source = iter(items)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as thread:
        pending = thread.submit(_next_or_end, source)
        while (item := pending.result()) is not _END:
            pending = thread.submit(_next_or_end, source)
            yield item  # pyright: ignore[reportReturnType] - what is not the end is an item
            del item


def _next_or_end(source: Iterator[T]) -> T | object:
    return next(source, _END)
