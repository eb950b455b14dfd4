"""The next item is made while the last one is used, and never more than that."""

import threading
from collections.abc import Iterator

import pytest

from everlake.worker.prefetch import prefetch


def test_all_items_come_in_their_order() -> None:
    assert list(prefetch(range(100))) == list(range(100))
    assert list(prefetch(())) == []


def test_the_next_one_is_made_while_this_one_is_used_and_no_other() -> None:
    made: list[int] = []
    second = threading.Event()

    def items() -> Iterator[int]:
        for number in range(4):
            made.append(number)
            if number == 1:
                second.set()
            yield number

    coming = prefetch(items())
    assert next(coming) == 0
    assert second.wait(10)
    assert made == [0, 1]
    assert list(coming) == [1, 2, 3]


def test_what_making_one_raises_comes_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("two")

    coming = prefetch(items())
    assert next(coming) == 1
    with pytest.raises(KeyError, match="two"):
        next(coming)


def test_whoever_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    coming = prefetch(iter(range(1_000_000)))
    next(coming)
    coming.close()
    assert threading.active_count() == before
