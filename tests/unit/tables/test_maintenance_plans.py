from everlake.tables.maintenance import (
    BATCH_BYTES,
    COMPACT_MAX_BYTES,
    COMPACT_MAX_FRAGMENTS,
    batch_rows_for,
    plan_compaction,
    plan_index,
)
from everlake.tables.types import Fragment, IndexState


def pieces(*rows: int, deleted: int = 0, size: int = 10_000) -> list[Fragment]:
    return [Fragment(id=n, rows=one, deleted=deleted, size=size) for n, one in enumerate(rows)]


def test_a_few_small_fragments_are_left_alone() -> None:
    assert plan_compaction(pieces(*[100] * 15)) is None


def test_many_small_fragments_are_compacted_and_large_ones_left_alone() -> None:
    plan = plan_compaction(pieces(1_000_000, *[100] * 16))
    assert plan is not None
    assert (plan.keep, plan.rows) == ([0], 512)


def test_fragments_are_compacted_with_ones_of_their_size() -> None:
    plan = plan_compaction(pieces(*[10_000] * 16, *[100] * 3))
    assert plan is not None
    assert plan.rows == 65_536


def test_small_fragments_between_large_ones_are_left_alone() -> None:
    assert plan_compaction(pieces(*[100, 1_000_000] * 20)) is None


def test_a_compaction_has_a_limit_of_bytes() -> None:
    fragments = pieces(*[100] * 40, size=COMPACT_MAX_BYTES // 10)
    plan = plan_compaction(fragments)
    assert plan is not None
    assert len(fragments) - len(plan.keep) == 10


def test_fragments_of_many_bytes_are_large_whatever_their_rows() -> None:
    assert plan_compaction(pieces(*[12] * 40, size=COMPACT_MAX_BYTES // 2)) is None


def test_a_compaction_has_a_limit_of_fragments() -> None:
    plan = plan_compaction(pieces(*[1] * 1_000))
    assert plan is not None
    assert plan.chosen == list(range(COMPACT_MAX_FRAGMENTS))


def test_the_number_of_rows_in_memory_depends_on_their_size() -> None:
    assert batch_rows_for([]) == 8_192
    assert batch_rows_for([1_000] * 20_000) == 8_192
    assert batch_rows_for([10_000] * 20_000) == 2_048
    assert batch_rows_for([5_000_000] * 3) == 8_192
    assert batch_rows_for([5_000_000] * 40) == 8
    assert batch_rows_for([*[100] * 20_000, *[1_000_000] * 12]) == 8_192
    assert batch_rows_for([BATCH_BYTES + 1]) == 1


def test_a_fragment_with_many_deleted_rows_is_rewritten() -> None:
    fragments = pieces(1_000_000, deleted=400_000)
    plan = plan_compaction(fragments)
    assert plan is not None
    assert plan.keep == []
    assert plan_compaction(pieces(1_000_000, deleted=100_000)) is None


def test_an_index_waits_until_enough_rows_are_outside_it() -> None:
    assert plan_index(IndexState(segments=[5_000], unindexed_rows=2_000), "INVERTED") is None


def test_an_index_merges_segments_of_similar_size() -> None:
    assert plan_index(IndexState(segments=[100_000], unindexed_rows=3_000), "INVERTED") == 0
    assert plan_index(IndexState(segments=[100_000, 3_000], unindexed_rows=3_000), "INVERTED") == 1
    assert (
        plan_index(IndexState(segments=[20_000, 6_000, 3_000], unindexed_rows=3_000), "INVERTED")
        == 3
    )


def test_an_extension_of_an_index_has_a_limit_of_rows() -> None:
    assert plan_index(IndexState(segments=[131_000], unindexed_rows=90_000), "INVERTED") == 0


def test_an_index_has_few_segments() -> None:
    parts: list[int] = []
    for _ in range(500):
        taken = plan_index(IndexState(segments=parts, unindexed_rows=2_500), "INVERTED")
        assert taken is not None
        kept = parts[: len(parts) - taken]
        parts = [*kept, sum(parts[len(kept) :]) + 2_500]
    assert sum(parts) == 500 * 2_500
    assert len(parts) <= 30
