"""Many workers share the workspaces: none keeps to itself what it does not use."""

from pathlib import Path

import pytest

from everlake.lake.writer_leases import WriterLeaseLost
from everlake.worker import maintenance
from tests.support.worker_fixture import WorkerFixture, record


def test_a_worker_that_goes_on_to_another_workspace_leaves_the_first_to_others(
    home: WorkerFixture,
) -> None:
    second = home.new_workspace("second")
    one, other = home.writer_leases("one"), home.writer_leases("other")
    line = home.stage_runner(writer_leases=one)
    home.accept(record("a"))
    assert line.run_once()
    with pytest.raises(WriterLeaseLost):  # until there is something else to do
        other.acquire(home.workspace_id)

    home.accept(record("a"), workspace_id=second)
    assert line.run_once()

    other.acquire(home.workspace_id)
    assert one.held_workspaces() == [second]
    with pytest.raises(WriterLeaseLost):
        one.acquire(home.workspace_id)


def test_a_workspace_that_another_thread_is_writing_is_kept(home: WorkerFixture) -> None:
    second = home.new_workspace("second")
    one, other = home.writer_leases("one"), home.writer_leases("other")

    with one.holding(home.workspace_id), one.holding(second):
        assert sorted(one.held_workspaces()) == sorted([home.workspace_id, second])
        with pytest.raises(WriterLeaseLost):
            other.acquire(home.workspace_id)


def test_upkeep_comes_back_to_a_workspace_that_was_left(home: WorkerFixture) -> None:
    second = home.new_workspace("second")
    one = home.writer_leases("one")
    for number in range(20):
        home.accept(record(str(number)))
        assert home.stage_runner(writer_leases=one).run_once()
    home.accept(record("a"), workspace_id=second)
    assert home.stage_runner(writer_leases=one).run_once()
    table = Path(home.lake.engine.table_set(home.workspace_id).uri) / "records.lance" / "data"
    before = len(list(table.iterdir()))

    maintenance.maintain_tables(home.lake, one)

    assert len(list(table.iterdir())) > before  # the folded one beside those of older versions
