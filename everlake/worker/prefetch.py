"""Making the next of something while the last one is used."""

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_END = object()


def prefetch(items: Iterable[T]) -> Generator[T]:
    """``items`` in their order, each made in a thread of its own while the one before is used.

    At most two are there at a time. What making one raises is raised in its place.
    """
    source = iter(items)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as thread:
        making = thread.submit(_next_or_end, source)
        while (item := making.result()) is not _END:
            making = thread.submit(_next_or_end, source)
            yield item  # pyright: ignore[reportReturnType] - what is not the end is an item
            del item


def _next_or_end(source: Iterator[T]) -> T | object:
    return next(source, _END)
