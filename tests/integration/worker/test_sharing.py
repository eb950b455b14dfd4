"""Many workers share the workspaces: none keeps to itself what it does not use."""

from pathlib import Path

import pytest

from everlake.worker import housekeeping
from everlake.worker.leases import WriterLost
from tests.integration.worker.home import Home, record


def test_a_worker_that_goes_on_to_another_workspace_leaves_the_first_to_others(home: Home) -> None:
    second = home.new_workspace("second")
    one, other = home.writers("one"), home.writers("other")
    line = home.queue(writers=one)
    home.accept(record("a"))
    assert line.step()
    with pytest.raises(WriterLost):  # until there is something else to do
        other.hold(home.workspace_id)

    home.accept(record("a"), workspace_id=second)
    assert line.step()

    other.hold(home.workspace_id)
    assert one.held() == [second]
    with pytest.raises(WriterLost):
        one.hold(home.workspace_id)


def test_a_workspace_that_another_thread_is_writing_is_kept(home: Home) -> None:
    second = home.new_workspace("second")
    one, other = home.writers("one"), home.writers("other")

    with one.writing(home.workspace_id), one.writing(second):
        assert sorted(one.held()) == sorted([home.workspace_id, second])
        with pytest.raises(WriterLost):
            other.hold(home.workspace_id)


def test_upkeep_comes_back_to_a_workspace_that_was_left(home: Home) -> None:
    second = home.new_workspace("second")
    one = home.writers("one")
    for number in range(20):
        home.accept(record(str(number)))
        assert home.queue(writers=one).step()
    home.accept(record("a"), workspace_id=second)
    assert home.queue(writers=one).step()
    table = Path(home.lake.place(home.workspace_id).where) / "records.lance" / "data"
    before = len(list(table.iterdir()))

    housekeeping.tidy(home.lake, one)

    assert len(list(table.iterdir())) > before  # the folded one beside those of older versions
