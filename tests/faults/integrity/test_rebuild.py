"""The tables made again: the same as before, whatever came in between."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import lance
import msgspec
import pytest

from everlake.contract.batches import BatchStatus
from everlake.integrity.rebuild import service
from everlake.lake import LakeDamaged
from everlake.lake.derived_tables import DERIVED_TABLES
from everlake.lake.writer_leases import WriterLeaseLost
from everlake.model.batches import BatchRow
from everlake.worker.types import Stage
from tests.support.rebuilds import (
    DuringRebuild,
    conversation,
    fill,
    rebuild_workspace,
    table_rows,
    texts,
)
from tests.support.worker_fixture import WorkerFixture, record


def lake_of(home: WorkerFixture) -> Path:
    return Path(home.lake.engine.table_set(home.workspace_id).uri)


def test_every_row_and_column_of_every_table_comes_out_the_same(home: WorkerFixture) -> None:
    fill(home)
    before = table_rows(home.data, home.workspace_id)

    done = rebuild_workspace(home)

    assert table_rows(home.data, home.workspace_id) == before
    assert (done.records, done.utterances) == (len(before["records"]), len(before["utterances"]))
    assert done.problems == []
    assert len(before["arrivals"]) > len(before["records"]) > 0


def test_it_does_not_need_the_old_tables(home: WorkerFixture) -> None:
    fill(home)
    before = table_rows(home.data, home.workspace_id)
    shutil.rmtree(home.data / "lake")

    assert rebuild_workspace(home).problems == []
    assert table_rows(home.data, home.workspace_id) == before
    assert home.search_texts("again") != []


def test_nothing_is_left_of_the_work(home: WorkerFixture) -> None:
    fill(home)
    rebuild_workspace(home)

    assert [path.name for path in (home.data / "lake").iterdir()] == [lake_of(home).name]
    assert sorted(path.name for path in lake_of(home).iterdir()) == [
        "arrivals.lance",
        "records.lance",
        "utterances.lance",
    ]


def test_the_new_tables_are_indexed_in_full(home: WorkerFixture) -> None:
    fill(home)
    rebuild_workspace(home)

    for name, columns in {
        "records": {"record_id", "version", "batch_id"},
        "arrivals": {"record_id"},
        "utterances": {"record_id", "text"},
    }.items():
        table = lance.dataset(lake_of(home) / f"{name}.lance")
        found = {index.field_names[0]: index for index in table.describe_indices()}
        assert set(found) == columns
        assert all(index.num_rows_indexed == table.count_rows() for index in found.values())


def test_a_workspace_without_batches_gets_empty_tables(home: WorkerFixture) -> None:
    done = rebuild_workspace(home)

    assert (done.records, done.utterances, done.problems) == (0, 0, [])


def test_another_workspace_is_left_alone(home: WorkerFixture) -> None:
    other = home.new_workspace("other")
    home.accept(record("a", "theirs"), workspace_id=other)
    home.accept(record("a", "ours"))
    home.process_all()
    before = table_rows(home.data, other)
    inode = Path(home.lake.engine.table_set(other).uri).stat().st_ino

    rebuild_workspace(home)

    assert table_rows(home.data, other) == before
    assert Path(home.lake.engine.table_set(other).uri).stat().st_ino == inode


def test_batches_that_wait_are_left_to_the_worker(home: WorkerFixture) -> None:
    home.accept(record("a", "landed"))
    home.process_all(home.landing_stage())
    waiting = home.accept(record("b", "waiting"))

    rebuild_workspace(home)

    assert texts(home) == ["landed"]
    assert home.search_texts("landed") == []
    home.process_all()
    assert home.batch(waiting).status is BatchStatus.COMPLETE
    assert sorted(texts(home)) == ["landed", "waiting"]
    assert home.search_texts("waiting") == ["waiting"]
    assert home.search_texts("landed") == ["landed"]


def test_records_of_a_batch_that_failed_after_landing_are_there(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a", "landed"))
    home.process_all(home.landing_stage())
    queue = home.stage_runner(home.analysis_stage(), max_attempts=0)
    assert queue.run_once()
    assert home.batch(batch_id).status is BatchStatus.FAILED
    never = home.accept(record("b", "never landed"))
    assert home.stage_runner(home.landing_stage(), max_attempts=0).run_once()
    assert home.batch(never).status is BatchStatus.FAILED

    rebuild_workspace(home)

    assert texts(home) == ["landed"]
    assert home.retry(batch_id)
    assert home.retry(never)
    home.process_all()
    assert sorted(texts(home)) == ["landed", "never landed"]
    assert home.search_texts("landed") != []


def test_an_earlier_version_is_current_while_the_later_one_waits(home: WorkerFixture) -> None:
    home.accept(record("a", "early"))
    home.process_all()
    home.accept(record("a", "late"))

    rebuild_workspace(home)
    assert texts(home) == ["early"]
    assert home.search_texts("early") == ["early"]

    home.process_all()
    assert texts(home) == ["late"]
    assert home.search_texts("early") == []


@pytest.mark.parametrize("moment", ["reading the archive", "writing", "indexing", "catching up"])
def test_what_lands_and_is_analysed_meanwhile_is_in_the_new_tables(
    home: WorkerFixture, moment: str
) -> None:
    fill(home)
    home.accept(record("new", "was landing"))
    home.accept(conversation("c1", "waited for analysis"))
    home.process_all(home.landing_stage())

    def meanwhile() -> None:
        home.accept(record("later", "came later"))
        home.accept(conversation("c2", "came again"))
        home.process_all()
        home.accept(record("last", "landed and no more"))
        home.process_all(home.landing_stage())
        home.accept(record("waiting", "waits"))

    rebuild_workspace(home, watch=DuringRebuild(moment, meanwhile))

    assert "landed and no more" in texts(home)
    home.process_all()
    after = table_rows(home.data, home.workspace_id)
    rebuild_workspace(home)
    assert table_rows(home.data, home.workspace_id) == after
    assert "waits" in texts(home)


def test_what_a_worker_has_in_hand_at_the_swap_is_not_lost(home: WorkerFixture) -> None:
    fill(home)
    landing, analysis = home.landing_stage(), home.analysis_stage()

    def around(stage: Stage) -> Stage:
        """The stage, with a rebuild between its work and its batches moving forward."""

        def work(group: Sequence[BatchRow]) -> None:
            stage.process(group)
            rebuild_workspace(home)

        return msgspec.structs.replace(stage, process=work)

    batch_id = home.accept(record("in hand", "in hand"))
    assert home.stage_runner(around(landing)).run_once()
    assert home.batch(batch_id).status is BatchStatus.LANDED
    assert "in hand" in texts(home)

    assert home.stage_runner(around(analysis)).run_once()
    assert home.batch(batch_id).status is BatchStatus.COMPLETE
    assert home.search_texts('"in hand"') == ["in hand"]


def test_a_worker_that_claimed_and_has_not_begun_lands_into_the_new_tables(
    home: WorkerFixture,
) -> None:
    landing = home.landing_stage()

    def work(group: Sequence[BatchRow]) -> None:
        rebuild_workspace(home)
        assert texts(home) == []
        landing.process(group)

    home.accept(record("a", "late"))
    stage = msgspec.structs.replace(landing, process=work)
    assert home.stage_runner(stage).run_once()
    assert texts(home) == ["late"]
    [arrival] = table_rows(home.data, home.workspace_id)["arrivals"]
    assert arrival["batch_id"] == home.batch(arrival["batch_id"]).id


def test_the_right_to_write_is_taken_for_the_swap_and_given_back(home: WorkerFixture) -> None:
    home.accept(record("a"))
    worker = home.writer_leases("worker")
    assert home.stage_runner(writer_leases=worker).run_once()
    lost: list[bool] = []

    def look() -> None:
        worker.renew()
        lost.append(worker.held_workspaces() == [])
        with pytest.raises(WriterLeaseLost):
            worker.acquire(home.workspace_id)

    catch_up_with_all = service.catch_up_exclusively
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            service, "catch_up_exclusively", lambda job: (look(), catch_up_with_all(job))
        )
        rebuild_workspace(home)

    assert lost == [True]
    worker.acquire(home.workspace_id)
    assert worker.held_workspaces() == [home.workspace_id]


@pytest.mark.parametrize("table", ["records", "arrivals", "utterances"])
def test_torn_tables_are_replaced(home: WorkerFixture, table: str) -> None:
    fill(home)
    before = table_rows(home.data, home.workspace_id)
    for file in (lake_of(home) / f"{table}.lance" / "data").iterdir():
        os.truncate(file, 10)
    shutil.rmtree(lake_of(home) / f"{table}.lance" / "_versions")
    spec = DERIVED_TABLES[table].spec
    with pytest.raises(LakeDamaged):
        home.lake.engine.table(home.workspace_id, spec).read(lambda now: now.count(), 0)

    assert rebuild_workspace(home).problems == []
    assert table_rows(home.data, home.workspace_id) == before


def test_a_worker_waits_for_new_tables_and_gives_no_batch_up(home: WorkerFixture) -> None:
    fill(home)
    shutil.rmtree(lake_of(home) / "records.lance" / "_versions")
    batch_id = home.accept(record("a", "waits"))
    for _ in range(6):
        assert home.stage_runner(max_attempts=3).run_once()
        make_due(home, batch_id)
    assert home.batch(batch_id).status is BatchStatus.LANDING

    assert home.stage_runner().run_once()
    assert not home.stage_runner().run_once()  # it waits for its next attempt
    rebuild_workspace(home)

    home.process_all()
    assert home.batch(batch_id).status is BatchStatus.COMPLETE
    assert "waits" in texts(home)


def make_due(home: WorkerFixture, batch_id: str) -> None:
    with home.catalog.transaction() as tx:
        tx.exec_driver_sql("UPDATE batches SET due_at = 0 WHERE id = ?", (batch_id,))
