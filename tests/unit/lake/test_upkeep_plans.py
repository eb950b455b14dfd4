from everlake.lake.parts import Fragment, IndexState
from everlake.lake.upkeep import (
    BATCH_BYTES,
    FOLD_BYTES,
    FOLD_MOST,
    plan_fold,
    plan_index,
    rows_at_a_time,
)


def pieces(*rows: int, deleted: int = 0, size: int = 10_000) -> list[Fragment]:
    return [Fragment(id=n, rows=one, deleted=deleted, size=size) for n, one in enumerate(rows)]


def test_a_few_small_fragments_are_left_alone() -> None:
    assert plan_fold(pieces(*[100] * 15)) is None


def test_many_small_fragments_are_folded_and_large_ones_left_alone() -> None:
    fold = plan_fold(pieces(1_000_000, *[100] * 16))
    assert fold is not None
    assert (fold.keep, fold.rows) == ([0], 512)


def test_fragments_that_have_grown_are_folded_among_themselves() -> None:
    fold = plan_fold(pieces(*[10_000] * 16, *[100] * 3))
    assert fold is not None
    assert fold.rows == 65_536


def test_small_fragments_between_large_ones_are_no_run() -> None:
    assert plan_fold(pieces(*[100, 1_000_000] * 20)) is None


def test_one_step_folds_no_more_bytes_than_its_bound() -> None:
    fragments = pieces(*[100] * 40, size=FOLD_BYTES // 10)
    fold = plan_fold(fragments)
    assert fold is not None
    assert len(fragments) - len(fold.keep) == 10


def test_fragments_of_many_bytes_are_large_whatever_their_rows() -> None:
    assert plan_fold(pieces(*[12] * 40, size=FOLD_BYTES // 2)) is None


def test_one_step_folds_no_more_fragments_than_its_bound() -> None:
    fold = plan_fold(pieces(*[1] * 1_000))
    assert fold is not None
    assert fold.chosen == list(range(FOLD_MOST))


def test_rows_are_held_as_many_at_a_time_as_weigh_little() -> None:
    assert rows_at_a_time([]) == 8_192
    assert rows_at_a_time([1_000] * 20_000) == 8_192
    assert rows_at_a_time([10_000] * 20_000) == 2_048
    assert rows_at_a_time([5_000_000] * 3) == 8_192
    assert rows_at_a_time([5_000_000] * 40) == 8
    assert rows_at_a_time([*[100] * 20_000, *[1_000_000] * 12]) == 8_192
    assert rows_at_a_time([BATCH_BYTES + 1]) == 1


def test_a_fragment_with_many_deleted_rows_is_rewritten() -> None:
    fragments = pieces(1_000_000, deleted=400_000)
    fold = plan_fold(fragments)
    assert fold is not None
    assert fold.keep == []
    assert plan_fold(pieces(1_000_000, deleted=100_000)) is None


def test_an_index_waits_until_enough_rows_are_outside_it() -> None:
    assert plan_index(IndexState(parts=[5_000], unindexed=2_000), "INVERTED") is None


def test_an_index_grows_by_taking_up_parts_of_its_own_size() -> None:
    assert plan_index(IndexState(parts=[100_000], unindexed=3_000), "INVERTED") == 0
    assert plan_index(IndexState(parts=[100_000, 3_000], unindexed=3_000), "INVERTED") == 1
    assert plan_index(IndexState(parts=[20_000, 6_000, 3_000], unindexed=3_000), "INVERTED") == 3


def test_a_step_of_an_index_is_bounded() -> None:
    assert plan_index(IndexState(parts=[131_000], unindexed=90_000), "INVERTED") == 0


def test_the_parts_of_an_index_stay_few() -> None:
    parts: list[int] = []
    for _ in range(500):
        taken = plan_index(IndexState(parts=parts, unindexed=2_500), "INVERTED")
        assert taken is not None
        kept = parts[: len(parts) - taken]
        parts = [*kept, sum(parts[len(kept) :]) + 2_500]
    assert sum(parts) == 500 * 2_500
    assert len(parts) <= 30
