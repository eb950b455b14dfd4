from hypothesis import given
from hypothesis import strategies as st

from everlake.batching import chunked, group_by_size, prefix_within

SIZES = st.lists(st.integers(0, 20), max_size=50)


@given(st.integers(0, 2_000))
def test_chunks_hold_every_item_once_in_order(count: int) -> None:
    chunks = list(chunked(range(count), 500))
    assert [item for chunk in chunks for item in chunk] == list(range(count))
    assert all(0 < len(chunk) <= 500 for chunk in chunks)


@given(SIZES, st.integers(1, 40), st.none() | st.integers(1, 5))
def test_groups_hold_every_item_once_and_stay_within_their_bounds(
    sizes: list[int], max_size: int, max_items: int | None
) -> None:
    groups = list(group_by_size(sizes, int, max_size=max_size, max_items=max_items))
    assert [item for group in groups for item in group] == sizes
    for group in groups:
        assert group
        assert len(group) == 1 or sum(group) <= max_size
        assert max_items is None or len(group) <= max_items


@given(SIZES, st.integers(1, 40))
def test_a_group_that_may_overshoot_ends_with_the_item_that_reaches_the_bound(
    sizes: list[int], max_size: int
) -> None:
    groups = list(group_by_size(sizes, int, max_size=max_size, overshoot=True))
    assert [item for group in groups for item in group] == sizes
    assert all(sum(group[:-1]) < max_size for group in groups)
    assert all(sum(group) >= max_size for group in groups[:-1])


@given(SIZES, st.integers(0, 40))
def test_the_prefix_is_the_longest_that_fits(sizes: list[int], max_size: int) -> None:
    prefix = prefix_within(sizes, int, max_size=max_size)
    assert prefix == sizes[: len(prefix)]
    assert sum(prefix) <= max_size
    assert prefix == sizes or sum(sizes[: len(prefix) + 1]) > max_size
