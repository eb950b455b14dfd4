"""The tables made again: the same as before, whatever came in between."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import lance
import msgspec
import pytest

from everlake.catalog.batches import BatchRow
from everlake.contract.batch import BatchStatus
from everlake.lake import LakeDamaged
from everlake.lake.lake import SPECS
from everlake.worker.leases import WriterLost
from everlake.worker.queue import Stage
from everlake.worker.rebuild import run
from tests.integration.worker.home import Home, record
from tests.integration.worker.rebuilding import During, conversation, fill, rebuilt, rows, texts


def lake_of(home: Home) -> Path:
    return Path(home.lake.place(home.workspace_id).where)


def test_every_row_and_column_of_every_table_comes_out_the_same(home: Home) -> None:
    fill(home)
    before = rows(home.data, home.workspace_id)

    done = rebuilt(home)

    assert rows(home.data, home.workspace_id) == before
    assert (done.records, done.utterances) == (len(before["records"]), len(before["utterances"]))
    assert done.problems == []
    assert len(before["arrivals"]) > len(before["records"]) > 0


def test_it_does_not_need_the_old_tables(home: Home) -> None:
    fill(home)
    before = rows(home.data, home.workspace_id)
    shutil.rmtree(home.data / "lake")

    assert rebuilt(home).problems == []
    assert rows(home.data, home.workspace_id) == before
    assert home.found("again") != []


def test_nothing_is_left_of_the_work(home: Home) -> None:
    fill(home)
    rebuilt(home)

    assert [path.name for path in (home.data / "lake").iterdir()] == [lake_of(home).name]
    assert sorted(path.name for path in lake_of(home).iterdir()) == [
        "arrivals.lance",
        "records.lance",
        "utterances.lance",
    ]


def test_the_new_tables_are_indexed_in_full(home: Home) -> None:
    fill(home)
    rebuilt(home)

    for name, columns in {
        "records": {"record_id", "version", "batch_id"},
        "arrivals": {"record_id"},
        "utterances": {"record_id", "text"},
    }.items():
        table = lance.dataset(lake_of(home) / f"{name}.lance")
        found = {index.field_names[0]: index for index in table.describe_indices()}
        assert set(found) == columns
        assert all(index.num_rows_indexed == table.count_rows() for index in found.values())


def test_a_workspace_without_batches_gets_empty_tables(home: Home) -> None:
    done = rebuilt(home)

    assert (done.records, done.utterances, done.problems) == (0, 0, [])


def test_another_workspace_is_left_alone(home: Home) -> None:
    other = home.new_workspace("other")
    home.accept(record("a", "theirs"), workspace_id=other)
    home.accept(record("a", "ours"))
    home.work()
    before = rows(home.data, other)
    inode = Path(home.lake.place(other).where).stat().st_ino

    rebuilt(home)

    assert rows(home.data, other) == before
    assert Path(home.lake.place(other).where).stat().st_ino == inode


def test_batches_that_wait_are_left_to_the_worker(home: Home) -> None:
    home.accept(record("a", "landed"))
    home.work(home.landing())
    waiting = home.accept(record("b", "waiting"))

    rebuilt(home)

    assert texts(home) == ["landed"]
    assert home.found("landed") == []
    home.work()
    assert home.batch(waiting).status is BatchStatus.COMPLETE
    assert sorted(texts(home)) == ["landed", "waiting"]
    assert home.found("waiting") == ["waiting"]
    assert home.found("landed") == ["landed"]


def test_records_of_a_batch_that_failed_after_landing_are_there(home: Home) -> None:
    batch_id = home.accept(record("a", "landed"))
    home.work(home.landing())
    queue = home.queue(home.analysis(), max_attempts=0)
    assert queue.step()
    assert home.batch(batch_id).status is BatchStatus.FAILED
    never = home.accept(record("b", "never landed"))
    assert home.queue(home.landing(), max_attempts=0).step()
    assert home.batch(never).status is BatchStatus.FAILED

    rebuilt(home)

    assert texts(home) == ["landed"]
    assert home.retry(batch_id)
    assert home.retry(never)
    home.work()
    assert sorted(texts(home)) == ["landed", "never landed"]
    assert home.found("landed") != []


def test_an_earlier_version_is_current_while_the_later_one_waits(home: Home) -> None:
    home.accept(record("a", "early"))
    home.work()
    home.accept(record("a", "late"))

    rebuilt(home)
    assert texts(home) == ["early"]
    assert home.found("early") == ["early"]

    home.work()
    assert texts(home) == ["late"]
    assert home.found("early") == []


@pytest.mark.parametrize("moment", ["reading the archive", "writing", "indexing", "catching up"])
def test_what_lands_and_is_analysed_meanwhile_is_in_the_new_tables(home: Home, moment: str) -> None:
    fill(home)
    home.accept(record("new", "was landing"))
    home.accept(conversation("c1", "waited for analysis"))
    home.work(home.landing())

    def meanwhile() -> None:
        home.accept(record("later", "came later"))
        home.accept(conversation("c2", "came again"))
        home.work()
        home.accept(record("last", "landed and no more"))
        home.work(home.landing())
        home.accept(record("waiting", "waits"))

    rebuilt(home, watch=During(moment, meanwhile))

    assert "landed and no more" in texts(home)
    home.work()
    after = rows(home.data, home.workspace_id)
    rebuilt(home)
    assert rows(home.data, home.workspace_id) == after
    assert "waits" in texts(home)


def test_what_a_worker_has_in_hand_at_the_swap_is_not_lost(home: Home) -> None:
    fill(home)
    landing, analysis = home.landing(), home.analysis()

    def around(stage: Stage) -> Stage:
        """The stage, with a rebuild between its work and its batches moving forward."""

        def work(group: Sequence[BatchRow]) -> None:
            stage.work(group)
            rebuilt(home)

        return msgspec.structs.replace(stage, work=work)

    batch_id = home.accept(record("in hand", "in hand"))
    assert home.queue(around(landing)).step()
    assert home.batch(batch_id).status is BatchStatus.LANDED
    assert "in hand" in texts(home)

    assert home.queue(around(analysis)).step()
    assert home.batch(batch_id).status is BatchStatus.COMPLETE
    assert home.found('"in hand"') == ["in hand"]


def test_a_worker_that_claimed_and_has_not_begun_lands_into_the_new_tables(home: Home) -> None:
    landing = home.landing()

    def work(group: Sequence[BatchRow]) -> None:
        rebuilt(home)
        assert texts(home) == []
        landing.work(group)

    home.accept(record("a", "late"))
    stage = msgspec.structs.replace(landing, work=work)
    assert home.queue(stage).step()
    assert texts(home) == ["late"]
    [arrival] = rows(home.data, home.workspace_id)["arrivals"]
    assert arrival["batch_id"] == home.batch(arrival["batch_id"]).id


def test_the_right_to_write_is_taken_for_the_swap_and_given_back(home: Home) -> None:
    home.accept(record("a"))
    worker = home.writers("worker")
    assert home.queue(writers=worker).step()
    lost: list[bool] = []

    def look() -> None:
        worker.renew()
        lost.append(worker.held() == [])
        with pytest.raises(WriterLost):
            worker.hold(home.workspace_id)

    catch_up_with_all = run.catch_up_with_all
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "catch_up_with_all", lambda job: (look(), catch_up_with_all(job)))
        rebuilt(home)

    assert lost == [True]
    worker.hold(home.workspace_id)
    assert worker.held() == [home.workspace_id]


@pytest.mark.parametrize("table", ["records", "arrivals", "utterances"])
def test_torn_tables_are_replaced(home: Home, table: str) -> None:
    fill(home)
    before = rows(home.data, home.workspace_id)
    for file in (lake_of(home) / f"{table}.lance" / "data").iterdir():
        os.truncate(file, 10)
    shutil.rmtree(lake_of(home) / f"{table}.lance" / "_versions")
    [spec] = [spec for spec in SPECS if spec.name == table]
    with pytest.raises(LakeDamaged):
        home.lake.table(home.workspace_id, spec).read(lambda now: now.count(), 0)

    assert rebuilt(home).problems == []
    assert rows(home.data, home.workspace_id) == before


def test_a_worker_waits_for_new_tables_and_gives_no_batch_up(home: Home) -> None:
    fill(home)
    shutil.rmtree(lake_of(home) / "records.lance" / "_versions")
    batch_id = home.accept(record("a", "waits"))
    for _ in range(6):
        assert home.queue(max_attempts=3).step()
        make_due(home, batch_id)
    assert home.batch(batch_id).status is BatchStatus.LANDING

    assert home.queue().step()
    assert not home.queue().step()  # it waits for its next attempt
    rebuilt(home)

    home.work()
    assert home.batch(batch_id).status is BatchStatus.COMPLETE
    assert "waits" in texts(home)


def make_due(home: Home, batch_id: str) -> None:
    with home.catalog.write() as tx:
        tx.exec_driver_sql("UPDATE batches SET due_at = 0 WHERE id = ?", (batch_id,))
