"""Parallel execution of blocking calls in threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def run_parallel(action: Callable[[T], object], items: Sequence[T], max_threads: int) -> None:
    """Call ``action`` for every item, each thread taking the next one when it is free.

    It suits requests over a network, of which one may take much longer than another.

    Raises:
        Exception: the first error, by the order of ``items``, when all calls have ended.
    """
    threads = min(max_threads, len(items))
    if threads < 2:
        for item in items:
            action(item)
        return
    with ThreadPoolExecutor(threads, "store") as pool:
        for _ in pool.map(action, items):
            pass


def run_in_shares(action: Callable[[T], object], items: Sequence[T], max_threads: int) -> None:
    """Call ``action`` for every item, each thread having a fixed share of them.

    It suits many short calls: passing items to threads one by one costs as much as such a call.

    Raises:
        Exception: the first error of the first share that has one, when all threads have ended.
    """
    threads = min(max_threads, len(items))

    def run_share(number: int) -> None:
        for item in items[number::threads]:
            action(item)

    run_parallel(run_share, range(threads), threads)
